"""Where no scheduler looks, the site's visitors have sent what waits: the digest, and retries."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from unittest import mock

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.integration.test_alarms import visit
from tests.support.listener import Listener
from tests.support.notifications import happen, hook, later
from trustbackup.events import EventKind
from trustbackup.models import Delivery, Plan, Run
from trustbackup.operations import digest
from trustbackup.runs import delivery
from trustbackup.runs.delivery import sending
from trustbackup.runs.lookout import LATEST, SOONEST, lookout

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("notifying", "runs_at_once"),
]


def leave_one_waiting(**ahead: float) -> None:
    """A message whose sender ended before its next try."""
    with mock.patch.object(delivery, "send_within"), sending(0):
        happen()
    Delivery.objects.update(next_try=datetime.now(UTC) + timedelta(**ahead))


def test_the_digest_is_sent_once_a_week(
    client: Client, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest, "AT", time.min)
    hook(listener, events=["digest"])
    for _each in range(3):
        visit(client)
    (request,) = listener.requests
    assert json.loads(request.body)["type"] == "backup.digest"
    assert Delivery.objects.get().state == "sent"
    assert Run.objects.filter(action="notify").count() == 1


@pytest.mark.parametrize("changes", [{"plans": ["nightly"]}, {"enabled": False}])
def test_a_digest_that_nobody_hears_of_is_not_made(
    client: Client, listener: Listener, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object]
) -> None:
    monkeypatch.setattr(digest, "AT", time.min)
    hook(listener, **changes)
    assert digest.digest_due() is None
    visit(client)
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("values", [{"PLANS": ["nightly"]}, {"ENABLED": False}])
def test_a_digest_that_no_route_of_the_settings_hears_of_is_not_made(
    settings: object, monkeypatch: pytest.MonkeyPatch, values: dict[str, object]
) -> None:
    monkeypatch.setattr(digest, "AT", time.min)
    route = {"CHANNEL": "email", "EVENTS": ["digest"], "ADDRESSES": ["a@shop.example"]}
    own = settings.TRUSTBACKUP  # type: ignore[attr-defined]
    settings.TRUSTBACKUP = {**own, "NOTIFICATIONS": {"ops": route}}  # type: ignore[attr-defined]
    assert digest.digest_due() is not None
    settings.TRUSTBACKUP = {  # type: ignore[attr-defined]
        **own,
        "NOTIFICATIONS": {"ops": {**route, **values}},
    }
    assert digest.digest_due() is None


def test_what_did_not_arrive_is_sent_when_its_next_try_is_due(
    client: Client, listener: Listener
) -> None:
    hook(listener, events=[EventKind.FAILURE])
    leave_one_waiting(minutes=30)
    visit(client)
    assert listener.requests == []
    later(minutes=31)
    visit(client)
    visit(client)
    assert len(listener.requests) == 1
    assert Delivery.objects.get().state == "sent"


@pytest.mark.parametrize(
    ("minutes", "seconds"), [(30, 1800), (0.1, SOONEST), (300, LATEST), (None, LATEST)]
)
def test_the_next_look_is_when_the_next_try_is_due(
    client: Client, listener: Listener, minutes: float | None, seconds: float
) -> None:
    """Of a site where nothing is late; never more than an hour away, nor less than ten minutes."""
    hook(listener, events=[EventKind.FAILURE])
    if minutes is not None:
        leave_one_waiting(minutes=minutes)
    with mock.patch.object(lookout, "rest", wraps=lookout.rest) as rest:
        visit(client)
    assert seconds - 60 < rest.call_args.args[0] <= seconds


def test_other_requests_ask_nothing_however_much_waits(client: Client, listener: Listener) -> None:
    hook(listener, events=[EventKind.FAILURE])
    lookout.rest(SOONEST)
    client.get("/")
    with CaptureQueriesContext(connection) as usual:
        client.get("/")
    leave_one_waiting()
    Plan.objects.create(name="nightly", schedule="0 4 * * *", zone="UTC")
    with CaptureQueriesContext(connection) as waiting:
        client.get("/")
    assert len(waiting) == len(usual)
    assert listener.requests == []
    with CaptureQueriesContext(connection) as looking:
        visit(client)
    assert len(looking) > len(usual)
    assert len(listener.requests) == 1


def test_messages_that_can_not_be_sent_fail_no_visitor(client: Client, listener: Listener) -> None:
    hook(listener, events=[EventKind.FAILURE])
    leave_one_waiting()
    with mock.patch("trustbackup.runs.queue.start", side_effect=OSError("no room")):
        visit(client)
    assert Delivery.objects.get().state == "waiting"
