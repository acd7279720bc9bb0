"""Attack 5: whatever goes wrong with a notification, no secret of it is written anywhere."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.test import Client

from tests.support.certificates import self_signed
from tests.support.listener import Listener, running_listener
from tests.support.mailbox import Mailbox
from tests.support.notifications import SECRET, fail_a_run
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Delivery, Route, Run
from trustbackup.notifications.routes import RouteSpec, settings_problems, spec_of
from trustbackup.notifications.tryout import options_to_try, try_route
from trustbackup.runs.queue import start
from trustbackup.sealing import seal_secrets

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("notifying")]
CANARY = "canary51c0ffee"
SECRETS = (CANARY, SECRET, SECRET.removeprefix("whsec_"))


def everything_written() -> str:
    """Every row of ours, as anybody with the database reads it."""
    models = apps.get_app_config("trustbackup").get_models()
    return "\n".join(serializers.serialize("json", model.objects.all()) for model in models)


def assert_absent(text: str) -> None:
    for secret in SECRETS:
        assert secret not in text


def _broken(listener: Listener, how: str) -> str:
    """The address of a server that fails so."""
    base = f"{listener.url}/{CANARY}?token={CANARY}"
    match how:
        case "redirects":
            listener.answers = [302] * 9
            listener.location = f"{listener.url}/redirected/{CANARY}"
        case "answers 500":
            listener.answers = [500] * 9
            listener.body = CANARY.encode()
        case "speaks no HTTP":
            listener.garbage = f"{CANARY}\r\n\r\n".encode()
        case "is not there":
            return base.replace(str(listener.port), "1")
        case "has no name":
            return f"https://no-such-host.invalid/{CANARY}"
        case "is no address":
            return f"https://user:{CANARY}@127.0.0.1/{CANARY}"
        case "has a bad port":
            return f"https://127.0.0.1:{CANARY}/"
    return base


BROKEN = (
    "redirects",
    "answers 500",
    "speaks no HTTP",
    "is not there",
    "has no name",
    "is no address",
    "has a bad port",
)


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # apprise loads it
@pytest.mark.parametrize("channel", ["webhook", "ping", "apprise"])
def test_attack_5_no_secret_of_a_failing_address_is_written(
    channel: str,
    listener: Listener,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "APPRISE_SCHEMES": ["json"]}
    messages = []
    for number, how in enumerate(BROKEN):
        url = _broken(listener, how)
        if channel == "apprise":
            url = url.replace("https://", "json://").replace("http://", "json://")
            url = url.partition("?")[0]
        route = Route.objects.create(
            name=f"r{number}",
            channel=channel,
            events=["failure"],
            secrets=seal_secrets({"url": url, "secret": SECRET}),
        )
        with caplog.at_level(logging.DEBUG):
            fail_a_run()
            messages.append(_said(spec_of(route)))
        assert messages[-1], how
        assert not [path for path in listener.paths() if "redirected" in path]
        assert Delivery.objects.get(route=route.name).problem
        route.delete()
        listener.answers, listener.location, listener.garbage = [], "", b""
    for text in (everything_written(), caplog.text, *messages, *capfd.readouterr()):
        assert_absent(text)


def _said(route: RouteSpec) -> str:
    """What an error says, and its whole chain."""
    try:
        try_route(route)
    except TrustbackupError as error:
        chain: list[BaseException | None] = [error, error.__cause__]
        if not error.__suppress_context__:
            chain.append(error.__context__)
        return " ".join(str(each) for each in chain)
    return ""


def test_attack_5_nor_that_of_a_test_which_a_run_makes(
    listener: Listener, operator: Client, runs_at_once: None, caplog: pytest.LogCaptureFixture
) -> None:
    listener.answers = [500]
    url = f"{listener.url}/{CANARY}"
    asked = options_to_try("webhook", {}, {"url": url, "secret": SECRET}, name="ops")
    assert_absent(json.dumps(asked))
    run, _new = start("test notification", asked, actor="operator", target="ops")
    run.refresh_from_db()
    assert (run.state, "status 500" in run.error) == (Run.State.FAILED, True)
    assert Run.SEALED not in run.options
    page = operator.get(f"/settings/backups/runs/{run.pk}/").content.decode()
    for text in (everything_written(), page, caplog.text):
        assert_absent(text)


def test_attack_5_nor_the_password_of_a_mail_server(
    mailbox: Mailbox, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in mailbox.settings("site", CANARY).items():
        setattr(settings, name, value)
    Route.objects.create(
        name="mail",
        channel="email",
        events=["failure"],
        options={"addresses": ["a@shop.example"]},
    )
    fail_a_run()
    (row,) = Delivery.objects.all()
    assert row.state == "waiting"
    assert "refused the sign-in" in row.problem
    for text in (everything_written(), caplog.text, row.problem):
        assert_absent(text)


def test_attack_5_nor_what_the_settings_hold(settings: Any) -> None:
    settings.TRUSTBACKUP = {
        **settings.TRUSTBACKUP,
        "NOTIFICATIONS": {
            "a": {"CHANNEL": "webhook", "URL": f"ftp://x/{CANARY}", "SECRET": SECRET},
            "b": {"CHANNEL": "webhook", "URL": f"https://x/{CANARY}", "SECRET": CANARY},
            "c": {"CHANNEL": "apprise", "URL": f"nosuch://{CANARY}"},
            "d": {"CHANNEL": "ping", "URL": [CANARY]},
        },
    }
    problems = settings_problems()
    assert len(problems) == 4
    assert_absent(" ".join(map(str, problems)))


def test_attack_5_nor_do_pages_of_the_admin_show_them(listener: Listener, operator: Client) -> None:
    listener.answers = [500]
    url = f"{listener.url}/{CANARY}"
    route = Route.objects.create(
        name="ops",
        channel="webhook",
        events=["failure"],
        secrets=seal_secrets({"url": url, "secret": SECRET}),
    )
    fail_a_run()
    (row,) = Delivery.objects.all()
    for address in (
        f"route/{route.pk}/change/",
        "route/",
        f"delivery/{row.pk}/change/",
        "delivery/",
    ):
        page = operator.get(f"/admin/trustbackup/{address}", follow=True)
        assert page.status_code == 200
        assert_absent(page.content.decode())
        assert route.secrets not in page.content.decode()


def test_attack_3_a_server_without_a_good_certificate_gets_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, certificate = self_signed(tmp_path)
    with running_listener(context) as server:
        Route.objects.create(
            name="ops",
            channel="webhook",
            events=["failure"],
            secrets=seal_secrets({"url": f"{server.url}/x", "secret": SECRET}),
        )
        fail_a_run()
        assert server.requests == []
        assert "was not trusted" in Delivery.objects.get().problem
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        fail_a_run()
        assert len(server.requests) == 1
