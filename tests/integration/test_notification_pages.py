"""Notifications on the page: the list, the history of each, their buttons, what is not there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.support.listener import Listener
from tests.support.mailbox import Mailbox
from tests.support.notification_pages import (
    CANARY,
    LIST,
    ROOT,
    errors,
    form,
    html,
    page,
    press,
    said,
    webhook,
)
from tests.support.notifications import SECRET, fail_a_run, hook, mail
from tests.support.task_backends import DUMMY
from trustbackup.models import Delivery, Plan, Route, Run
from trustbackup.notifications.routes import spec_of
from trustbackup.views.destinations import connection_test
from trustbackup.views.notifications.summary import summarise

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("notifying", "runs_at_once"),
]


def test_a_new_site_is_told_that_nobody_hears(operator: Client, settings: Any) -> None:
    settings.ADMINS = []
    assert "Nobody hears of it when a backup fails" in page(operator)
    assert "Niemand erfährt" in page(operator, language="de")
    mail(enabled=False)
    assert "Nobody hears of it when a backup fails" in page(operator), "one that is off is none"
    Route.objects.update(enabled=True)
    assert "Nobody hears" not in page(operator)


def test_the_admins_hear_until_somebody_sets_one_up(
    operator: Client, settings: Any, mailbox: Mailbox
) -> None:
    settings.ADMINS = [("Ada", "ada@shop.example")]
    assert "Nobody hears" not in page(operator)
    assert "Nobody has set a notification up" in page(operator, "notification/admins/")
    assert "A test message was sent to ADMINS" in said(press(operator, "test", "admins"))
    assert mailbox.recipients() == ["ada@shop.example"]
    assert "Until now the ADMINS" in page(operator, "notifications/add/email/")
    for button in ("switch", "delete"):
        assert press(operator, button, "admins").status_code == 404
    mail()
    assert operator.get(f"{ROOT}notification/admins/").status_code == 404
    assert "Until now the ADMINS" not in page(operator, "notifications/add/email/")


def test_one_of_the_settings_is_shown_with_the_reason_and_never_changed(
    operator: Client, settings: Any, listener: Listener
) -> None:
    given = {
        "hook": {"CHANNEL": "webhook", "URL": f"{listener.url}/{CANARY}", "SECRET": SECRET},
        "bad": {"CHANNEL": "pigeon"},
        "of two words": {"CHANNEL": "email"},
        "unset": {"CHANNEL": "ping", "URL": "env:NOT_SET_ANYWHERE"},
    }
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "NOTIFICATIONS": given}
    shown = page(operator)
    for text in (
        "Webhook, from the settings",
        listener.url,
        "The notification bad of the settings can't be used.",
        "There is no channel &#x27;pigeon&#x27;",
        "The notification of two words of the settings",
        "NOT_SET_ANYWHERE can&#x27;t be read",
    ):
        assert text in shown, text
    assert CANARY not in shown
    assert SECRET not in shown
    one = page(operator, "notification/hook/")
    assert "is changed there" in one
    assert "Switch off" not in one
    assert "Delete" not in one
    assert operator.get(f"{ROOT}notification/hook/change/").status_code == 404
    assert f"sent to {listener.url}." in said(press(operator, "test", "hook"))
    answer = operator.post(f"{LIST}add/webhook/", webhook(listener, name="hook"))
    assert answer.status_code == 422
    assert "The settings have a notification of this name" in errors(answer)
    # One that was saved before the settings had it.
    hook(listener, name="hook")
    assert "it is not used, and can be deleted" in page(operator, "notification/hook/")
    assert press(operator, "delete", "hook", confirmed="1").status_code == 200
    assert not Route.objects.exists()


def test_the_last_message_is_the_newest_that_somebody_has_tried_to_send() -> None:
    route = mail()
    at = datetime.now(UTC)
    tried, older, waiting = (
        Delivery.objects.create(
            route=route.name,
            key=key,
            kind="failure",
            sentence="It failed.",
            at=at - timedelta(minutes=age),
            tries=tries,
            next_try=at,
        )
        for key, age, tries in (("tried", 5, 1), ("older", 9, 1), ("waiting", 0, 0))
    )
    (found,) = summarise([spec_of(route)])
    assert found.last == tried
    assert (older.tries, waiting.tries) == (1, 0)


def test_what_is_not_there_is_not_found(operator: Client, listener: Listener) -> None:
    for path in ("notifications/add/dove/", "notification/gone/", "notification/gone/change/"):
        answer = operator.get(ROOT + path)
        assert answer.status_code == 404, path
        assert "There is no such" in html(answer)
    for button in ("test", "switch", "delete"):
        assert press(operator, button, "gone").status_code == 404
        assert operator.get(f"{ROOT}notification/ops/{button}/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator.cookies
    hook(listener)
    assert strict.post(f"{ROOT}notification/ops/delete/", {"confirmed": "1"}).status_code == 403
    assert operator.post(f"{LIST}add/webhook/", webhook(listener)).status_code == 422
    Route.objects.update(channel="of a newer version")
    assert "There is no channel" in page(operator)
    assert "There is no channel" in page(operator, "notification/ops/")
    assert operator.get(f"{ROOT}notification/ops/change/").status_code == 404
    assert "There is no channel" in said(press(operator, "test", "ops"))


def test_secrets_that_no_key_opens_can_be_entered_anew(
    operator: Client, listener: Listener
) -> None:
    hook(listener, secrets="sealed by another key")
    for path in ("notifications/", "notification/ops/", "notification/ops/change/"):
        assert "can&#x27;t be" in page(operator, path)
    change = f"{ROOT}notification/ops/change/"
    assert operator.post(change, form()).status_code == 422
    assert operator.post(change, webhook(listener)).status_code == 302
    assert "sent to" in said(press(operator, "test", "ops"))


def test_a_message_that_does_not_arrive_is_a_state_of_its_own(
    operator: Client, listener: Listener
) -> None:
    hook(listener, events=["failure"], plans=["nightly", "burnt"])
    Plan.objects.create(name="nightly")
    shown = page(operator)
    assert "not used yet" in shown
    assert 'burnt <span class="tb-chip tb-failed">gone</span>' in shown
    listener.answers = [500]
    fail_a_run()
    for path in ("notifications/", "notification/ops/"):
        shown = page(operator, path)
        assert '<span class="tb-chip tb-failed">failing</span>' in shown
        assert "it answers with status 500" in shown
    assert "It is tried again" in shown
    # One that nobody has tried to send yet says nothing.
    Delivery.objects.create(route="ops", key="next", kind="failure", at=datetime.now(UTC))
    assert '<span class="tb-chip tb-failed">failing</span>' in page(operator)
    Delivery.objects.filter(key="next").delete()
    assert '<span class="tb-chip tb-waiting">waiting</span>' in shown
    assert "antwortet mit Status 500" in page(operator, "notification/ops/", "de")
    assert "One message that has not arrived yet" in html(press(operator, "delete", "ops"))
    Delivery.objects.update(state="failed", next_try=None)
    assert '<span class="tb-chip tb-failed">failed</span>' in page(operator, "notification/ops/")
    fail_a_run()
    shown = page(operator, "notification/ops/")
    assert '<span class="tb-chip tb-good">works</span>' in shown
    assert '<span class="tb-chip tb-sent">sent</span>' in shown


def test_a_test_that_takes_long_is_followed_on_its_own_page(
    operator: Client, settings: Any, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_test, "WAIT_SECONDS", 0)
    settings.TASKS = {"trustbackup": DUMMY}  # nobody carries it
    hook(listener)
    answer = press(operator, "test", "ops")
    run = Run.objects.get()
    assert answer.redirect_chain[-1][0] == f"{ROOT}runs/{run.pk}/"
    assert run.target == "ops"
    assert "waiting" in page(operator, "notification/ops/").partition("Last test")[2]
    run.delete()
    answer = operator.post(f"{ROOT}notification/ops/change/", form(test="1"))
    assert "The test still goes on" in html(answer)


def test_the_history_has_pages_and_the_list_asks_as_much_for_many(
    operator: Client, listener: Listener
) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            page(operator)
        return len(queries)

    def message(name: str, number: int) -> Delivery:
        at = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=number)
        return Delivery(route=name, key=f"k{number}", kind="failure", at=at, tries=1, state="sent")

    hook(listener)
    Delivery.objects.bulk_create(message("ops", number) for number in range(60))
    page(operator)
    before = asked()
    for number in range(20):
        hook(listener, name=f"n{number}")
    Delivery.objects.bulk_create(message(f"n{number}", number) for number in range(20))
    assert asked() == before
    first, second = (page(operator, f"notification/ops/?page={n}") for n in (1, "2"))
    assert first.count("tb-chip tb-sent") == 50
    assert second.count("tb-chip tb-sent") == 10
    assert page(operator, "notification/ops/?page=none").count("tb-chip tb-sent") == 50


def test_a_plan_says_who_hears_of_it(operator: Client, listener: Listener, settings: Any) -> None:
    settings.ADMINS = []
    Plan.objects.create(name="nightly")
    assert "nobody: <a" in page(operator, "plan/nightly/")
    hook(listener, name="all-plans")
    hook(listener, name="its-own", plans=["nightly"])
    hook(listener, name="of-another", plans=["weekly"])
    hook(listener, name="off", enabled=False)
    heard_by = page(operator, "plan/nightly/").partition("Who hears of it")[2]
    assert "notification/all-plans/" in heard_by
    assert "notification/its-own/" in heard_by
    assert "of-another" not in heard_by
    assert "/off/" not in heard_by
    assert LIST in page(operator, "plan/nightly/change/")
