"""The ways to reach somebody: real servers, those that bounce, answer 500, or never."""

from __future__ import annotations

from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from tests.support.listener import Listener, running_listener
from tests.support.mailbox import Mailbox
from tests.support.notifications import SECRET, fail_a_run, hook, later, mail
from trustbackup.models import Delivery, Route
from trustbackup.notifications import outbox
from trustbackup.runs.delivery import sending
from trustbackup.runs.recorder import record_run
from trustbackup.sealing import seal_secrets

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("notifying")]


def test_a_run_that_fails_is_told_to_a_webhook_which_can_check_it(listener: Listener) -> None:
    hook(listener)
    fail_a_run()
    begun, failed = listener.requests
    assert failed.path == "/hook?token=x"
    data = Verifier(SECRET).verify(failed.body, dict(failed.headers))
    assert data["type"] == "backup.failure"
    assert data["data"]["plan"] == "nightly"
    assert data["data"]["sentence"].startswith("The backup failed. No room")
    assert data["data"]["detail"]["action"] == "create"
    assert begun.headers["webhook-id"] != failed.headers["webhook-id"]
    assert [row.state for row in Delivery.objects.all()] == ["sent", "sent"]


def test_an_email_has_the_pages_sentences_in_the_readers_language(mailbox: Mailbox) -> None:
    mail(language="de")
    fail_a_run()
    assert sorted(mailbox.recipients()) == ["a@shop.example", "b@shop.example"]
    message = mailbox.messages[0]
    text = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    html = message.get_body(("html",)).get_content()  # type: ignore[union-attr]
    for part in (str(message["Subject"]), text, html):
        assert "Die Sicherung ist fehlgeschlagen." in part
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ], "no backup is attached"
    assert "nightly" in text
    assert '<html lang="de">' in html
    assert message["Auto-Submitted"] == "auto-generated"


def test_an_address_that_bounces_keeps_it_from_nobody_else(mailbox: Mailbox) -> None:
    mail()
    mailbox.bouncing.add("a@shop.example")
    mailbox.busy.add("b@shop.example")
    fail_a_run()
    (row,) = Delivery.objects.all()
    assert (row.state, row.reached) == ("waiting", [])
    mailbox.busy.clear()
    later(minutes=1)
    outbox.send_due()
    row.refresh_from_db()
    assert mailbox.recipients() == ["b@shop.example"]
    assert (row.state, row.reached) == ("failed", ["b@shop.example"])
    assert "550" in row.problem
    assert "a@shop.example" in row.problem


def test_a_mail_server_that_refuses_the_sign_in_is_not_left_waiting(
    mailbox: Mailbox, settings: Any
) -> None:
    for name, value in mailbox.settings("site", "no password of its").items():
        setattr(settings, name, value)
    mail(options={"addresses": ["a@shop.example"]})
    fail_a_run()
    assert "refused the sign-in" in Delivery.objects.get().problem
    assert mailbox.farewells == 1


def test_what_is_refused_for_now_is_tried_again_and_nobody_gets_it_twice(
    mailbox: Mailbox,
) -> None:
    mail()
    mailbox.busy.add("b@shop.example")
    fail_a_run()
    mailbox.busy.clear()
    later(minutes=1)
    outbox.send_due()
    outbox.send_due()
    assert sorted(mailbox.recipients()) == ["a@shop.example", "b@shop.example"]
    (row,) = Delivery.objects.all()
    assert (row.state, row.tries, row.problem) == ("sent", 2, "")


@pytest.mark.parametrize("how", ["silent", "dribbles"])
def test_a_server_that_never_answers_stops_nothing(how: str, listener: Listener) -> None:
    setattr(listener, how, True)
    hook(listener, events=["failure"])
    fail_a_run()
    (row,) = Delivery.objects.all()
    assert row.state == "waiting"
    assert "no answer within 2 seconds" in row.problem


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int, listener: Listener) -> None:
    with running_listener() as metadata:
        listener.location = f"{metadata.url}/latest/meta-data/?key=canary"
        listener.answers = [status]
        hook(listener, events=["failure"])
        fail_a_run()
        assert metadata.requests == []
    (row,) = Delivery.objects.all()
    assert row.state == "failed"
    assert "another address" in row.problem
    assert "canary" not in row.problem


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/x",
        "http://[::ffff:169.254.169.254]/x",
        "http://2852039166/x",
    ],
)
def test_a_clouds_metadata_is_not_asked(url: str, listener: Listener) -> None:
    hook(listener, events=["failure"], secrets=seal_secrets({"url": url, "secret": SECRET}))
    fail_a_run()
    (row,) = Delivery.objects.all()
    assert row.state == "failed"
    assert "metadata service" in row.problem


def test_only_the_hosts_that_a_site_allows_are_asked(listener: Listener, settings: Any) -> None:
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "NOTIFICATION_HOSTS": ["hooks.example"]}
    hook(listener, events=["failure"])
    fail_a_run()
    assert listener.requests == []
    assert "NOTIFICATION_HOSTS" in Delivery.objects.get().problem


def test_a_receiver_that_is_gone_is_left_in_peace(listener: Listener) -> None:
    listener.answers = [410]
    hook(listener, events=["failure"])
    fail_a_run()
    assert Delivery.objects.get().state == "failed"


def test_pings_say_start_success_and_failure_with_the_logs_end(listener: Listener) -> None:
    Route.objects.create(
        name="hc",
        channel="ping",
        events=["started", "success", "failure"],
        actions=["create"],
        secrets=seal_secrets({"url": f"{listener.url}/ping/7d0f?create=1"}),
    )
    with sending(0), record_run("create", actor="me") as recorder:
        assert listener.paths() == [f"/ping/7d0f/start?create=1&rid={recorder.run.id}"]
    fail_a_run()
    fail_a_run("delete")
    _start, success, _start_2, failure = listener.requests
    assert success.path == f"/ping/7d0f?create=1&rid={recorder.run.id}"
    assert failure.path.startswith("/ping/7d0f/fail?create=1&rid=")
    assert b"No room" in failure.body


def test_a_check_that_the_server_does_not_know_is_a_failure(listener: Listener) -> None:
    listener.body = b"OK (not found)"
    Route.objects.create(
        name="hc",
        channel="ping",
        events=["failure"],
        secrets=seal_secrets({"url": f"{listener.url}/x"}),
    )
    fail_a_run()
    row = Delivery.objects.get()
    assert (row.state, "knows no such check" in row.problem) == ("failed", True)
