"""Grandfather, father, son: the newest good one of each bucket, by the plan's own clock."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from tests.support.retention import (
    NOW,
    backup,
    histories,
    hours_ago,
    judged,
    policies,
    zones,
)
from trustbackup.policy.protection import BackupFacts
from trustbackup.policy.retention.buckets import staying_by_rules
from trustbackup.policy.retention.reasons import Reason
from trustbackup.policy.retention.rules import RetentionPolicy

BERLIN = ZoneInfo("Europe/Berlin")
# As people write them down, which is not how they are reckoned.
BUCKETS: dict[str, Callable[[datetime, BackupFacts], object]] = {
    "last": lambda _local, each: each.id,
    "hourly": lambda local, _each: f"{local:%Y-%m-%d %H %z}",
    "daily": lambda local, _each: f"{local:%Y-%m-%d}",
    "weekly": lambda local, _each: local.isocalendar()[:2],
    "monthly": lambda local, _each: f"{local:%Y-%m}",
    "yearly": lambda local, _each: f"{local:%Y}",
}


def by_the_book(
    backups: list[BackupFacts], policy: RetentionPolicy, zone: ZoneInfo
) -> dict[str, set[str]]:
    """Rule → the ids that it keeps: newest good ones of the newest buckets that have one."""
    kept = {}
    for rule, number in policy.counts.items():
        newest: dict[object, BackupFacts] = {}
        for each in backups:
            if not each.good or each.protected:
                continue
            key = BUCKETS[rule](each.created.astimezone(zone), each)
            if key not in newest or (each.created, each.id) > (newest[key].created, newest[key].id):
                newest[key] = each
        ranked = sorted(newest.values(), key=lambda each: (each.created, each.id), reverse=True)
        kept[rule] = {each.id for each in ranked[:number]}
    if policy.days and (dates := [local_date(each, zone) for each in backups if each.good]):
        first = max(dates) - timedelta(days=policy.days - 1)
        kept["days"] = {each.id for each in backups if local_date(each, zone) >= first}
    return kept


def local_date(each: BackupFacts, zone: ZoneInfo) -> date:
    return each.created.astimezone(zone).date()


@settings(deadline=None)
@given(histories(), policies, zones)
def test_each_rule_keeps_the_newest_good_one_of_the_newest_buckets_that_have_one(
    backups: list[BackupFacts], policy: RetentionPolicy, zone: ZoneInfo
) -> None:
    newest_first = sorted(backups, key=lambda each: (each.created, each.id), reverse=True)
    kept = staying_by_rules(newest_first, policy, zone)
    for rule, expected in by_the_book(backups, policy, zone).items():
        assert {key for key, reasons in kept.items() if Reason(rule) in reasons} == expected, rule


@settings(deadline=None)
@given(histories(), policies, zones)
def test_the_order_of_what_is_asked_about_does_not_matter(
    backups: list[BackupFacts], policy: RetentionPolicy, zone: ZoneInfo
) -> None:
    mixed = list(backups)
    random.Random(1).shuffle(mixed)
    assert judged(mixed, policy, zone=zone) == judged(backups, policy, zone=zone)


def kept(backups: list[BackupFacts], policy: RetentionPolicy, zone: ZoneInfo) -> list[datetime]:
    going = set(judged(backups, policy, zone=zone).going)
    return [each.created.astimezone(zone) for each in backups if each.id not in going]


def test_fault_43_an_hour_that_the_clock_shows_twice_is_two_hours() -> None:
    # At 03:00 on 25 October 2026 Berlin's clocks go back to 02:00.
    begin = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)
    each_hour = [backup(begin + timedelta(hours=hours)) for hours in range(6)]
    found = kept(each_hour, RetentionPolicy(hourly=4), BERLIN)
    assert [f"{moment:%H:%M %Z}" for moment in found] == [
        "02:30 CEST",
        "02:30 CET",
        "03:30 CET",
        "04:30 CET",
    ]


@pytest.mark.parametrize(
    "change", [datetime(2026, 3, 29, tzinfo=BERLIN), datetime(2026, 10, 25, tzinfo=BERLIN)]
)
def test_fault_43_days_of_23_and_25_hours_are_one_day_each(change: datetime) -> None:
    noon = change.replace(hour=12).astimezone(UTC)
    each_hour = [backup(noon + timedelta(hours=hours)) for hours in range(-60, 61)]
    found = kept(each_hour, RetentionPolicy(daily=4), BERLIN)
    assert len({moment.date() for moment in found}) == 4
    complete = [moment for moment in found if moment.date() <= change.date() + timedelta(days=1)]
    assert {moment.hour for moment in complete} == {23}, "the last one of each day stays"


def test_fault_43_a_skipped_hour_is_no_bucket() -> None:
    begin = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    each_hour = [backup(begin + timedelta(hours=hours)) for hours in range(5)]
    found = kept(each_hour, RetentionPolicy(hourly=3), BERLIN)
    assert [f"{moment:%H:%M}" for moment in found] == ["03:30", "04:30", "05:30"]


def test_the_plans_zone_decides_which_day_it_was() -> None:
    evening = backup(datetime(2026, 11, 18, 22, 30, tzinfo=UTC))
    night = backup(datetime(2026, 11, 18, 23, 30, tzinfo=UTC))
    both = [evening, night]
    assert judged(both, RetentionPolicy(daily=5)).going == [evening.id]
    assert judged(both, RetentionPolicy(daily=5), zone=BERLIN).going == []


def test_weeks_begin_on_monday_months_and_years_with_their_first_day() -> None:
    nights = [backup(datetime(2026, 11, 20, 4, tzinfo=UTC) - timedelta(days=n)) for n in range(700)]
    days = [f"{each:%a %d %b %Y}" for each in kept(nights, RetentionPolicy(weekly=3), BERLIN)]
    assert days == ["Fri 20 Nov 2026", "Sun 15 Nov 2026", "Sun 08 Nov 2026"]
    days = [f"{each:%d %b %Y}" for each in kept(nights, RetentionPolicy(monthly=3), BERLIN)]
    assert days == ["20 Nov 2026", "31 Oct 2026", "30 Sep 2026"]
    days = [f"{each:%d %b %Y}" for each in kept(nights, RetentionPolicy(yearly=2), BERLIN)]
    assert days == ["20 Nov 2026", "31 Dec 2025"]


def test_an_outage_eats_no_history() -> None:
    before = [hours_ago(24 * days) for days in range(100, 107)]
    newest = hours_ago(1)
    found = judged([newest, *before], RetentionPolicy(daily=7))
    assert found.going == [before[-1].id]


def test_protected_ones_take_no_place() -> None:
    backups = [hours_ago(24 * days, protected=days < 3) for days in range(1, 7)]
    assert judged(backups, RetentionPolicy(daily=3)).going == [backups[5].id]


def test_what_was_never_checked_stays_where_its_time_has_no_good_one_and_takes_no_place() -> None:
    good = [hours_ago(24 * days) for days in (1, 4, 5)]
    unchecked = [hours_ago(24 * days, "unchecked") for days in (2, 3, 6)]
    same_day = hours_ago(24 * 2 + 1, "unchecked")
    beside_a_good_one = hours_ago(24 * 4 - 1, "unchecked")
    every_one = [*good, *unchecked, same_day, beside_a_good_one]
    found = judged(every_one, RetentionPolicy(daily=2))
    assert found.going == [unchecked[2].id, good[2].id, beside_a_good_one.id, same_day.id]
    told = {each.id: each.reasons for each in found.decisions}
    assert told[unchecked[0].id] == (Reason.UNCHECKED,)


def test_all_of_the_last_days_stay_counted_from_the_newest_good_one_on() -> None:
    backups = [hours_ago(24 * 30 + hours) for hours in range(0, 72, 6)]
    found = judged(backups, RetentionPolicy(days=2), now=NOW + timedelta(days=365))
    assert {each.created.date() for each in backups if each.id in found.going} == {
        NOW.date() - timedelta(days=32),
        NOW.date() - timedelta(days=33),
    }
    bad = hours_ago(24 * 30 + 1, "bad", number=1)
    assert bad.id not in judged([*backups, bad], RetentionPolicy(days=2)).going
