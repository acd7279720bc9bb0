"""Notifications: each event is sent once to each route that wants it, and tried again."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError, connections

from tests.support.listener import Listener
from tests.support.mailbox import Mailbox
from tests.support.notifications import SECRET, fail_a_run, happen, hook, later
from trustbackup.events import EventKind
from trustbackup.models import Delivery
from trustbackup.models.notification import CLAIM_HOLDS
from trustbackup.notifications import outbox
from trustbackup.runs import delivery
from trustbackup.runs.delivery import sending
from trustbackup.runs.recorder import record_run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("notifying")]


def test_the_admins_hear_of_failures_when_nobody_set_anything_up(
    mailbox: Mailbox, settings: Any
) -> None:
    settings.ADMINS = [("Ada", "ada@shop.example")]
    with sending(0), record_run("create", actor="me"):
        pass
    assert mailbox.messages == []
    fail_a_run()
    assert mailbox.recipients() == ["ada@shop.example"]
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "NOTIFICATIONS": {}}
    fail_a_run()
    assert len(mailbox.messages) == 1


def test_a_webhook_that_answers_500_is_tried_again_later_and_less_often(
    listener: Listener,
) -> None:
    hook(listener, events=["failure"])
    listener.answers = [500] * 20
    fail_a_run()
    pauses = []
    for _number in range(12):
        row = Delivery.objects.get()
        if row.state != "waiting":
            break
        pauses.append((row.next_try - datetime.now(UTC)).total_seconds())
        later(days=1)
        outbox.send_due()
    assert row.state == "failed"
    assert len(listener.requests) == row.tries == 9
    assert pauses == sorted(pauses)
    assert pauses[0] < 10
    assert pauses[-1] > 36_000
    assert "status 500" in row.problem
    assert {request.headers["webhook-id"] for request in listener.requests} == {row.key}


def test_many_workers_send_one_thing_once(listener: Listener) -> None:
    hook(listener)

    def work() -> None:
        try:
            with sending(0):
                happen()
            outbox.send_due()
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    outbox.send_due()
    assert len(listener.requests) == 1
    assert Delivery.objects.get().state == "sent"


def test_what_its_sender_took_along_when_it_died_is_sent_by_the_next(listener: Listener) -> None:
    hook(listener)
    now = datetime.now(UTC)
    with (
        suppress(SystemExit),
        mock.patch.object(outbox, "_send", side_effect=SystemExit),
        sending(0),
    ):
        happen()
    row = Delivery.objects.get()
    assert row.state == "sending"
    outbox.send_due()
    assert listener.requests == []
    Delivery.objects.update(claimed=now - CLAIM_HOLDS)
    outbox.send_due()
    assert len(listener.requests) == 1


@pytest.mark.parametrize("years", [-1, 1])
def test_a_clock_that_was_wrong_stops_no_message(years: int, listener: Listener) -> None:
    hook(listener)
    with mock.patch.object(delivery, "send_within"), sending(0):
        happen()
    Delivery.objects.update(next_try=datetime.now(UTC) + timedelta(days=365 * years))
    outbox.send_due()
    assert len(listener.requests) == 1


@contextmanager
def no_table() -> Iterator[None]:
    """The tables are there, and can't be asked."""
    with mock.patch.object(outbox, "for_a_note", side_effect=OperationalError("no server")):
        yield


def test_that_the_database_is_silent_is_told_by_the_routes_of_the_settings(
    listener: Listener, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_TESTS", f"{listener.url}/env")
    hook(listener, name="row")
    settings.TRUSTBACKUP = {
        **settings.TRUSTBACKUP,
        "NOTIFICATIONS": {
            "ops": {"CHANNEL": "webhook", "URL": "env:OF_THE_TESTS", "SECRET": SECRET},
            "wrong": {"CHANNEL": "pigeon"},
        },
    }
    with no_table():
        fail_a_run()
    assert listener.paths() == ["/env"]
    assert json.loads(listener.requests[0].body)["type"] == "backup.failure"
    assert not Delivery.objects.exists()


def test_a_route_hears_only_of_its_plans_events_and_actions(listener: Listener) -> None:
    hook(listener, name="plan", plans=["nightly"])
    hook(listener, name="kind", events=["late"])
    hook(listener, name="action", actions=["restore"])
    hook(listener, name="off", enabled=False)
    with sending(0):
        happen(plan="nightly", key="1", detail={"action": "create"})
        happen(plan="weekly", key="2", detail={"action": "restore"})
        happen(EventKind.LATE, key="3")
    found = {(row.route, row.key) for row in Delivery.objects.all()}
    assert found == {("plan", "1"), ("action", "2"), ("kind", "3"), ("action", "3")}


def test_the_history_is_kept_for_a_while(listener: Listener) -> None:
    hook(listener)
    with sending(0):
        happen(key="1")
        happen(key="2")
    Delivery.objects.filter(key="1").update(finished=datetime.now(UTC) - outbox.KEPT * 1.1)
    with sending(0):
        happen(key="3")
    assert [row.key for row in Delivery.objects.order_by("key")] == ["2", "3"]


@pytest.mark.parametrize("how", ["removed", "switched off"])
def test_a_route_that_went_meanwhile_sends_nothing(how: str, listener: Listener) -> None:
    route = hook(listener)
    listener.answers = [500]
    with sending(0):
        happen()
    if how == "removed":
        route.delete()
    else:
        route.enabled = False
        route.save()
    later(minutes=1)
    outbox.send_due()
    assert len(listener.requests) == 1
    assert Delivery.objects.get().state == "failed"


def test_that_a_run_begins_is_told_at_once_or_not_at_all(listener: Listener) -> None:
    hook(listener)
    listener.answers = [500] * 2
    with sending(0):
        happen(EventKind.STARTED)
    row = Delivery.objects.get()
    assert (row.state, row.tries, row.finished is not None) == ("failed", 1, True)


def test_of_a_large_outcome_the_rest_is_written_down(listener: Listener) -> None:
    hook(listener, events=["success"])
    detail = {"action": "create", "outcome": {"log": "x" * 30_000}}
    with mock.patch.object(delivery, "send_within"), sending(0):
        happen(EventKind.SUCCESS, key="large", detail=detail)
        happen(EventKind.SUCCESS, key="small", detail={**detail, "outcome": {"log": "x"}})
    kept = {row.key: row.detail for row in Delivery.objects.all()}
    assert kept == {
        "large": {"action": "create"},
        "small": {"action": "create", "outcome": {"log": "x"}},
    }


def test_what_a_dead_sender_took_along_is_claimed_by_one_of_those_who_see_it(
    listener: Listener,
) -> None:
    hook(listener)
    with mock.patch.object(delivery, "send_within"), sending(0):
        happen()
    now = datetime.now(UTC)
    Delivery.objects.update(state="sending", tries=1, claimed=now - CLAIM_HOLDS)
    both = [Delivery.objects.get(), Delivery.objects.get()]
    assert [outbox._claim(each, now) for each in both] == [True, False]
