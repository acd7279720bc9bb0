"""Which plans there are: in the settings, saved, and suggested."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from trustbackup.exceptions import ConfigurationError, UsageError
from trustbackup.models import AuditEvent, Plan, PlanCalendar
from trustbackup.operations.plans.spec import (
    Source,
    all_plans,
    find_plan,
    read_plans,
    spec_of,
    suggested_plan,
)
from trustbackup.operations.plans.switch import row_of
from trustbackup.policy.retention import RetentionPolicy
from trustbackup.policy.schedule import Schedule

pytestmark = pytest.mark.django_db


@pytest.fixture
def in_settings(settings: Any, tmp_path: Path) -> Any:
    def give(**plans: object) -> None:
        settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path / "backups", "PLANS": plans}
        settings.TIME_ZONE = "Asia/Tokyo"

    give()
    return give


def test_plans_are_those_of_the_settings_and_the_saved_ones(
    in_settings: Any, django_assert_num_queries: Any
) -> None:
    in_settings(weekly={"SCHEDULE": "@weekly"})
    Plan.objects.create(name="nightly", schedule="30 4 * * *", retention={"daily": 7})
    with django_assert_num_queries(2):
        nightly, weekly = all_plans()
    assert (nightly.name, nightly.source) == ("nightly", Source.ROW)
    assert nightly.schedule == Schedule("30 4 * * *", "Asia/Tokyo")
    assert nightly.retention == RetentionPolicy(daily=7)
    assert (weekly.name, weekly.source) == ("weekly", Source.SETTINGS)
    assert weekly.schedule == Schedule("0 0 * * 0", "Asia/Tokyo")
    assert find_plan("weekly") == weekly


def test_a_plan_that_cannot_be_followed_stops_no_other(in_settings: Any) -> None:
    in_settings(broken={"SCHEDULE": "0 0 30 2 *"}, good={})
    Plan.objects.create(name="mars", schedule="@daily", zone="Mars")
    Plan.objects.create(name="good", schedule="@daily")
    plans = read_plans()
    assert [(spec.name, spec.source) for spec in plans.specs] == [("good", Source.SETTINGS)]
    assert set(plans.problems) == {"broken", "mars", "good"}
    assert "no time zone 'Mars'" in plans.problems["mars"]
    assert "the saved one is not used" in plans.problems["good"]
    with pytest.raises(ConfigurationError, match="no such month"):
        find_plan("broken")
    with pytest.raises(UsageError, match=r"no plan 'xyzzy'. There are good\."):
        find_plan("xyzzy")


def test_due_times_count_from_when_a_plan_got_its_schedule(in_settings: Any) -> None:
    before = datetime.now(UTC)
    row = Plan.objects.create(name="nightly", schedule="@daily")
    first = spec_of(row).created
    assert first is not None
    assert first >= before
    row.compression = "zstd"
    row.save()
    assert spec_of(row).created == first
    for name, value in (("schedule", "@weekly"), ("zone", "UTC"), ("enabled", False)):
        setattr(row, name, value)
        row.save(update_fields=[name])
        row.refresh_from_db()
        changed = spec_of(row).created
        assert changed is not None
        assert changed > first
        first = changed


def test_a_plan_in_the_settings_has_its_schedule_since_somebody_looked(in_settings: Any) -> None:
    in_settings(weekly={"SCHEDULE": "@weekly", "ZONE": "UTC"})
    assert find_plan("weekly").created is None
    since = datetime.now(UTC) - timedelta(days=1)
    seen = PlanCalendar.objects.create(plan="weekly", cron="0 0 * * 0", zone="UTC", since=since)
    assert find_plan("weekly").created == since
    seen.cron = "0 0 * * 1"
    seen.save()
    assert find_plan("weekly").created is None


def test_a_new_site_has_one_suggested_plan_that_is_off(in_settings: Any) -> None:
    plan = suggested_plan()
    assert plan is not None
    assert not plan.enabled
    assert plan.retention is not None
    assert plan.schedule is not None
    due = plan.schedule.next_after(datetime(2026, 11, 30, tzinfo=UTC))
    assert due is not None
    assert (due + timedelta(hours=9)).hour == 4  # in Tokyo
    assert plan.schedule == suggested_plan().schedule  # type: ignore[union-attr]
    assert all_plans() == []
    Plan.objects.create(name="mine")
    assert suggested_plan() is None


def listing(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("list_plans", "--json", *arguments, stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


@pytest.mark.django_db(transaction=True)
def test_the_suggested_plan_is_saved_when_it_is_switched_on(in_settings: Any) -> None:
    (before,) = listing()["plans"]
    assert (before["source"], before["enabled"], before["next"]) == ("suggested", False, [])
    (now,) = listing("--switch-on", "nightly")["plans"]
    assert len(now.pop("next")) == 5
    assert now == {
        **{name: value for name, value in before.items() if name != "next"},
        "source": "row",
        "enabled": True,
    }
    assert Plan.objects.get().zone == ""
    (off,) = listing("--switch-off", "nightly")["plans"]
    assert (off["enabled"], off["next"]) == (False, [])
    assert AuditEvent.objects.filter(target="nightly").count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_plan_in_the_settings_is_not_switched(in_settings: Any) -> None:
    in_settings(weekly={"SCHEDULE": "@weekly"})
    with pytest.raises(CommandError, match=r"kept in the settings. Set its ENABLED"):
        listing("--switch-off", "weekly")
    with pytest.raises(CommandError, match="no plan 'nightly'"):
        listing("--switch-on", "nightly")


@pytest.mark.parametrize(
    "values",
    [
        {},
        {
            "enabled": False,
            "databases": ["default"],
            "excluded": ["django_session"],
            "compression": "zstd",
            "destinations": ["nas"],
            "schedule": "0 4 * * *",
            "zone": "Europe/Berlin",
            "retention": {"daily": 7},
            "destination_retention": {"nas": {"yearly": 1}},
            "drill": {"days": 7, "window": ["22:00", "05:00"]},
            "skip_unchanged": True,
            "grace": 5,
        },
    ],
)
def test_a_plan_and_its_row_say_the_same(in_settings: Any, values: dict[str, Any]) -> None:
    row = Plan.objects.create(name="nightly", **values)
    again = row_of(spec_of(row))
    columns = [field.name for field in Plan._meta.concrete_fields]
    for name in set(columns) - {"id", "scheduled_at"}:
        assert getattr(again, name) == getattr(row, name), name
