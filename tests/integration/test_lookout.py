"""One request looks for what is overdue, all others ask nothing, and none fails because of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from unittest import mock

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.integration.test_alarms import HOUR, back_up, new_plan, visit
from trustbackup.runs import lookout as lookouts

pytestmark = pytest.mark.django_db


def test_a_request_that_is_not_the_one_to_look_asks_nothing(client: Client) -> None:
    new_plan()
    back_up(3 * HOUR)
    lookouts.lookout.rest(600)
    with CaptureQueriesContext(
        connection,
    ) as usual:
        client.get("/")
    lookouts.lookout.rest(0)
    with CaptureQueriesContext(connection) as looking:
        client.get("/")
    with CaptureQueriesContext(connection) as after:
        client.get("/")
    asked = [item["sql"] for item in usual.captured_queries]
    assert [item["sql"] for item in after.captured_queries] == asked
    assert not any("trustbackup" in sql for sql in asked)
    assert any("trustbackup_plan" in item["sql"] for item in looking.captured_queries)
    assert not lookouts.lookout.is_due


def test_while_something_is_overdue_the_next_look_is_the_soonest(client: Client) -> None:
    new_plan()
    new_plan("in-time", since=HOUR)
    with mock.patch.object(lookouts.lookout, "rest", wraps=lookouts.lookout.rest) as rest:
        visit(client)
        assert rest.call_args.args == (lookouts.SOONEST,)
        back_up(timedelta(minutes=1))
        visit(client)
    assert lookouts.SOONEST < rest.call_args.args[0] <= lookouts.LATEST


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyError("x")])
def test_a_look_that_fails_fails_no_visitor_and_is_not_tried_at_once_again(
    client: Client, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    tries = []

    def fail(_now: datetime) -> None:
        tries.append(1)
        raise error

    monkeypatch.setattr(lookouts, "raise_alarms", fail)
    visit(client)
    assert client.get("/").status_code == 200
    assert len(tries) == 1
