"""What comes and goes: an alarm that comes back is told of once a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.time_travel import let_pass
from trustbackup.models import Alarm, Plan
from trustbackup.operations.alarms import raise_alarms

pytestmark = pytest.mark.django_db


def look(plan: Plan, *, enabled: bool) -> int:
    """How often the plan was told of so far, once somebody has looked."""
    Plan.objects.filter(pk=plan.pk).update(enabled=enabled)
    raise_alarms(datetime.now(UTC))
    return Alarm.objects.get().times


def test_a_plan_that_is_switched_on_again_is_told_of_again_the_next_day() -> None:
    due = datetime.now(UTC) - timedelta(hours=3)
    plan = Plan.objects.create(name="nightly", schedule=f"{due.minute} {due.hour} * * *")
    Plan.objects.update(scheduled_at=due - timedelta(days=10))
    assert look(plan, enabled=True) == 1
    assert look(plan, enabled=False) == 1
    assert look(plan, enabled=True) == 1
    assert Alarm.objects.standing().exists()
    assert look(plan, enabled=False) == 1
    let_pass(timedelta(days=1))
    assert look(plan, enabled=True) == 2
