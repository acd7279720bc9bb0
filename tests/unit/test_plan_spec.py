"""Plans in the settings: read strictly, refused with the plan's name and a way out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from trustbackup.conf import get_settings
from trustbackup.exceptions import ConfigurationError
from trustbackup.policy.plan import DrillRule, PlanSpec, Source, read_plan
from trustbackup.policy.retention import RetentionPolicy
from trustbackup.policy.schedule import Schedule

EVERYTHING = {
    "ENABLED": False,
    "KIND": "database",
    "APP": "",
    "DATABASES": ["default"],
    "EXCLUDED": ["django_session", "public.log", "django_session"],
    "COMPRESSION": "zstd",
    "DESTINATIONS": ["nas"],
    "SCHEDULE": "@daily",
    "ZONE": "Europe/Berlin",
    "RETENTION": {"daily": 7},
    "DESTINATION_RETENTION": {"nas": {"yearly": 3}},
    "DRILL": {"every": 7, "days": 7, "window": ["22:00", "05:00"]},
    "SKIP_UNCHANGED": True,
    "GRACE": 30,
}

OF_AN_APP = {"KIND": "app", "APP": "shop"}


def read(**values: object) -> PlanSpec:
    return read_plan("nightly", {"ZONE": "UTC", **values}, Source.SETTINGS)


def test_everything_that_a_plan_may_say_is_read() -> None:
    assert read(**EVERYTHING) == PlanSpec(
        name="nightly",
        enabled=False,
        source=Source.SETTINGS,
        databases=("default",),
        excluded=("django_session", "public.log"),
        compression="zstd",
        destinations=("nas",),
        schedule=Schedule("0 0 * * *", "Europe/Berlin"),
        retention=RetentionPolicy(daily=7),
        destination_retention={"nas": RetentionPolicy(yearly=3)},
        drill=DrillRule(every=7, days=7, window=(time(22), time(5))),
        skip_unchanged=True,
        grace=timedelta(minutes=30),
    )


def test_nothing_is_needed_but_a_name() -> None:
    plan = read()
    assert plan.enabled
    assert plan.schedule is None
    assert plan.retention is None


@pytest.mark.parametrize("rule", [DrillRule(), DrillRule(every=3), read(**EVERYTHING).drill])
def test_a_rule_for_drills_comes_back_from_json(rule: DrillRule) -> None:
    assert read(DRILL=rule.as_dict()).drill == rule


def test_a_plan_may_hold_one_apps_data() -> None:
    spec = read(**OF_AN_APP, DATABASES=["other"])
    assert (spec.kind, spec.app, spec.databases) == ("app", "shop", ("other",))
    assert not spec.holds_databases
    assert read().holds_databases


@pytest.mark.parametrize("kind", ["media", "full"])
def test_a_plan_of_files_is_incremental_unless_it_says_otherwise(kind: str) -> None:
    assert read(KIND=kind, DRILL={"every": 1}).incremental
    assert not read(KIND=kind, ARCHIVE=True).incremental
    assert read(KIND=kind).holds_databases == (kind == "full")
    assert not read().incremental


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"SCHEDUEL": "@daily"}, "unknown key 'SCHEDUEL': Did you mean 'SCHEDULE'?"),
        ({"XYZZY": 1}, "unknown key 'XYZZY': Known are APP, ARCHIVE, COMPRESSION"),
        ({"SCHEDULE": "0 0 30 2 *"}, "a day that no such month has"),
        ({"SCHEDULE": "0 30 4 * * *"}, "six fields"),
        ({"SCHEDULE": 5}, "SCHEDULE is 5"),
        ({"SCHEDULE": "@daily", "ZONE": "Mars"}, "no time zone 'Mars'"),
        ({"SCHEDULE": "@daily", "ZONE": None}, "ZONE is None"),
        ({"ENABLED": "yes"}, "ENABLED is 'yes'"),
        ({"KIND": "tables"}, "KIND is 'tables'"),
        ({"KIND": "media", "DATABASES": ["a"]}, "DATABASES is ['a']: Leave it out: uploaded"),
        ({"KIND": "media", "EXCLUDED": ["log"]}, "EXCLUDED is ['log']: Leave it out: uploaded"),
        ({"KIND": "media", "SKIP_UNCHANGED": True}, "SKIP_UNCHANGED is True: Leave it out"),
        ({"KIND": "full", "SKIP_UNCHANGED": True}, "SKIP_UNCHANGED is True: Leave it out"),
        ({"KIND": "media", "APP": "shop"}, "APP is 'shop': Set its KIND to 'app'"),
        ({"ARCHIVE": True}, "ARCHIVE is True: Leave it out: no uploaded files"),
        ({**OF_AN_APP, "ARCHIVE": True}, "ARCHIVE is True: Leave it out: no uploaded files"),
        ({"KIND": "media", "ARCHIVE": "yes"}, "ARCHIVE is 'yes'"),
        ({"APP": "shop"}, "APP is 'shop': Set its KIND to 'app'"),
        ({"APP": 5}, "APP is 5"),
        ({"KIND": "app"}, "it names no app"),
        ({**OF_AN_APP, "DATABASES": ["a", "b"]}, "DATABASES is ['a', 'b']: Name one"),
        ({**OF_AN_APP, "EXCLUDED": ["shop_log"]}, "EXCLUDED is ['shop_log']: Leave it out"),
        ({**OF_AN_APP, "DRILL": {"days": 7}}, "DRILL is {'days': 7}: Leave it out"),
        ({**OF_AN_APP, "SKIP_UNCHANGED": True}, "SKIP_UNCHANGED is True: Leave it out"),
        ({"DATABASES": "default"}, "DATABASES is 'default'"),
        ({"EXCLUDED": [""]}, "EXCLUDED is ['']"),
        ({"DESTINATIONS": [7]}, "DESTINATIONS is [7]"),
        ({"COMPRESSION": None}, "COMPRESSION is None"),
        ({"RETENTION": {}}, "RETENTION: There is no rule"),
        ({"RETENTION": {"last": 0}}, "RETENTION: These rules keep nothing"),
        ({"RETENTION": 7}, "RETENTION is 7"),
        ({"DESTINATION_RETENTION": {"nas": {"dayly": 1}}}, "DESTINATION_RETENTION: There is no"),
        ({"DRILL": {"evry": 1}}, "DRILL is ['evry']"),
        ({"DRILL": {"every": 0}}, "DRILL EVERY is 0"),
        ({"DRILL": {"days": True}}, "DRILL DAYS is True"),
        ({"DRILL": {"window": ["01:00"]}}, "DRILL WINDOW is ['01:00']"),
        ({"DRILL": {"window": ["01:00", "01:00"]}}, "DRILL WINDOW is"),
        ({"DRILL": {"window": ["01:00", "25:00"]}}, "DRILL WINDOW is"),
        ({"DRILL": {"window": 5}}, "DRILL WINDOW is 5"),
        ({"SKIP_UNCHANGED": 1}, "SKIP_UNCHANGED is 1"),
        ({"GRACE": 0}, "GRACE is 0"),
        ({"GRACE": True}, "GRACE is True"),
        ({"GRACE": 10**9}, "GRACE is 1000000000"),
    ],
)
def test_what_is_wrong_with_a_plan_is_a_sentence(values: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(**values)
    assert refused.value.what == "Plan 'nightly' can't be followed"
    assert why in f"{refused.value.why}: {refused.value.todo}"


@pytest.mark.parametrize("name", ["", "every night", "a/b", "x" * 51, "\N{SNOWMAN}"])
def test_a_name_that_no_address_could_hold_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="its name is not one"):
        read_plan(name, {}, Source.SETTINGS)


@pytest.fixture
def check(tmp_path: Path) -> Iterator[Any]:
    def found(plans: object) -> list[tuple[str | None, str, str | None]]:
        with override_settings(TRUSTBACKUP={"BACKUP_DIR": tmp_path, "PLANS": plans}):
            messages = run_checks(tags=["trustbackup"])
        return [
            (one.id, one.msg, one.hint) for one in messages if one.id in ("trustbackup.E001", E008)
        ]

    return found


E008 = "trustbackup.E008"


def test_the_system_check_says_what_is_wrong_with_a_plan_in_the_settings(check: Any) -> None:
    assert check({"nightly": EVERYTHING}) == []
    assert check({"nightly": {"SCHEDUEL": "@daily"}, "other": {}}) == [
        (
            E008,
            "Plan 'nightly' can't be followed: it has an unknown key 'SCHEDUEL'",
            "Did you mean 'SCHEDULE'?",
        )
    ]
    ((_id, unknown, _hint),) = check({"nightly": {"DATABASES": ["defualt"]}})
    assert "there is no database 'defualt'" in unknown
    ((_id, unknown, _hint),) = check({"nightly": {"COMPRESSION": "rar"}})
    assert "'rar'" in unknown


@pytest.mark.parametrize("plans", [[], {"nightly": "@daily"}, {7: {}}])
def test_plans_that_are_none_are_refused_as_a_setting(check: Any, plans: object) -> None:
    ((identifier, message, _hint),) = check(plans)
    assert identifier == "trustbackup.E001"
    assert "PLANS" in message


def test_a_wrong_plan_stops_no_other_setting(tmp_path: Path) -> None:
    with override_settings(TRUSTBACKUP={"BACKUP_DIR": tmp_path, "PLANS": {"x": {"Y": 1}}}):
        assert get_settings().backup_dir == tmp_path
