"""Routes: what the site, a page or a command makes of them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from tests.support.index import backup_folder, put
from tests.support.listener import Listener
from tests.support.mailbox import Mailbox
from tests.support.notifications import SECRET, happen, hook
from trustbackup import checks
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Delivery, Run
from trustbackup.notifications.routes import all_routes, read_route
from trustbackup.notifications.tryout import try_route

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("notifying")]
HOOK = {"CHANNEL": "webhook", "URL": "https://x.example/y", "SECRET": SECRET}


def test_what_is_wrong_with_one_stops_no_other(settings: Any) -> None:
    settings.TRUSTBACKUP = {
        **settings.TRUSTBACKUP,
        "NOTIFICATIONS": {"good": HOOK, "bad": {"CHANNEL": "pigeon"}, "x" * 51: HOOK},
    }
    assert [route.name for route in all_routes()] == ["good"]
    found = [error.msg for error in checks.check_settings() if error.id == "trustbackup.E009"]
    assert len(found) == 2
    assert "no channel 'pigeon'" in found[0]


def test_a_route_of_the_settings_comes_before_a_row_of_its_name(
    listener: Listener, settings: Any
) -> None:
    hook(listener, name="ops")
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "NOTIFICATIONS": {"ops": HOOK}}
    (route,) = all_routes()
    assert route.source == "settings"


def test_what_happens_in_a_request_is_sent_by_a_run(
    listener: Listener, operator: Client, runs_at_once: None, folder: Path
) -> None:
    hook(listener, events=["success"], actions=["delete"])
    folder.mkdir(parents=True)
    made = put(backup_folder(folder), 1)
    form = {"selected": [made], "confirmed": "1", "protected_too": "1"}
    operator.post("/settings/backups/delete/", form)
    (request,) = listener.requests
    assert json.loads(request.body)["data"]["detail"]["action"] == "delete"
    assert Run.objects.filter(action="notify", state="succeeded").count() == 1
    assert "Sent messages" in operator.get("/settings/backups/runs/").content.decode()


def test_a_test_message_goes_out_by_a_command(
    listener: Listener, mailbox: Mailbox, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    hook(listener, name="ops")
    call_command("test_notification", "ops")
    assert f"sent to {listener.url}." in capsys.readouterr().out
    assert json.loads(listener.requests[0].body)["type"] == "backup.test"
    with pytest.raises(CommandError, match="There are ops"):
        call_command("test_notification", "nobody")
    listener.answers = [503]
    with pytest.raises(SystemExit):
        call_command("test_notification", "ops", json=True)
    assert "status 503" in json.loads(capsys.readouterr().out)["problem"]
    assert not Delivery.objects.exists()


def test_what_waits_is_sent_by_a_command(
    listener: Listener, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hook(listener, events=["failure"])
    monkeypatch.setattr("trustbackup.runs.notify.send_elsewhere", lambda: None)
    happen()
    assert listener.requests == []
    call_command("send_notifications", json=True)
    assert json.loads(capsys.readouterr().out) == {"sent": 1, "failed": 0}
    call_command("send_notifications")
    assert "No message waits" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # apprise loads it
def test_apprise_sends_where_a_site_lets_it(listener: Listener, settings: Any) -> None:
    settings.TRUSTBACKUP = {
        **settings.TRUSTBACKUP,
        "APPRISE_SCHEMES": ["json"],
        "NOTIFICATIONS": {
            "phone": {"CHANNEL": "apprise", "URL": f"json://127.0.0.1:{listener.port}/x"},
            "cloud": {"CHANNEL": "apprise", "URL": "json://169.254.169.254/x"},
        },
    }
    phone, cloud = sorted(all_routes(), key=lambda route: route.name, reverse=True)
    try_route(phone)
    assert "messages of the backups arrive here" in listener.requests[0].body.decode()
    with pytest.raises(TrustbackupError, match="metadata service"):
        try_route(cloud)


def test_without_apprise_its_routes_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    route = read_route("phone", {"CHANNEL": "apprise", "URL": "discord://1/2"})
    with pytest.raises(TrustbackupError, match=r"trustbackup\[apprise\]"):
        route.open()
