"""Keep or delete, and why: whatever the rules say, what can be relied on stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmarks.retention import POLICIES, calls, history
from tests.support.retention import (
    NOW,
    backup,
    histories,
    hours_ago,
    judged,
    policies,
    without,
    zones,
)
from trustbackup.policy.protection import BackupFacts
from trustbackup.policy.retention.brake import at_once
from trustbackup.policy.retention.reasons import DELETES, SENTENCES, Reason
from trustbackup.policy.retention.rules import RetentionPolicy

ONE = RetentionPolicy(last=1)


def told(backups: list[BackupFacts], policy: RetentionPolicy = ONE, **more: object) -> list[Reason]:
    """The first reason for each of these backups, in their order."""
    reasons = {each.id: each.reasons[0] for each in judged(backups, policy, **more).decisions}
    return [reasons[each.id] for each in backups]


@settings(deadline=None)
@given(histories(), policies, zones, st.booleans())
def test_what_can_be_relied_on_always_stays(
    backups: list[BackupFacts], policy: RetentionPolicy, zone: object, confirmed: bool
) -> None:
    found = judged(backups, policy, zone=zone, confirmed=confirmed)
    going = set(found.going)
    assert sorted(each.id for each in found.decisions) == sorted(each.id for each in backups)
    for sort in "ab":
        past = [each for each in backups if each.sort == sort and each.created <= NOW and each.ours]
        newest_first = sorted(past, key=lambda each: (each.created, each.id), reverse=True)
        for wanted in ("proven", "good"):
            last = next((each for each in newest_first if getattr(each, wanted)), None)
            assert last is None or last.id not in going, wanted
        if not confirmed:
            assert len(going & {each.id for each in past}) <= max(3, len(past) // 4)
        if past and not newest_first[0].good:
            assert not going & {each.id for each in past}
    for each in backups:
        if each.protected or not each.ours or each.created > NOW:
            assert each.id not in going


@settings(deadline=None)
@given(histories(), policies, zones)
def test_pruning_twice_changes_nothing(
    backups: list[BackupFacts], policy: RetentionPolicy, zone: object
) -> None:
    left = without(backups, judged(backups, policy, zone=zone))
    assert judged(left, policy, zone=zone).going == []


@settings(deadline=None)
@given(histories(), policies, zones)
def test_run_after_run_the_brake_comes_to_the_same_end(
    backups: list[BackupFacts], policy: RetentionPolicy, zone: object
) -> None:
    at_last = without(backups, judged(backups, policy, zone=zone))
    left = backups
    while going := judged(left, policy, zone=zone, confirmed=False).going:
        left = [each for each in left if each.id not in going]
    assert left == at_last


@settings(deadline=None)
@given(histories(future=False), policies, zones, st.integers(0, 1_500))
def test_fault_43_a_clock_that_was_set_back_lets_nothing_go_that_would_have_stayed(
    backups: list[BackupFacts], policy: RetentionPolicy, zone: object, days: int
) -> None:
    assume(not policy.enforce_size)  # what is dated in the future takes room, too
    before = judged(backups, policy, zone=zone)
    back = judged(without(backups, before), policy, zone=zone, now=NOW - timedelta(days=days))
    assert set(back.going) <= set(before.held(Reason.NEWEST_UNCHECKED))


@settings(deadline=None)
@given(histories(future=False), policies, zones, st.integers(0, 4_000))
def test_fault_43_a_clock_that_is_ahead_lets_nothing_more_go(
    backups: list[BackupFacts], policy: RetentionPolicy, zone: object, days: int
) -> None:
    ahead = judged(backups, policy, zone=zone, now=NOW + timedelta(days=days))
    assert ahead == judged(backups, policy, zone=zone)


@settings(deadline=None)
@given(histories(), policies, zones)
def test_a_size_limit_never_cuts_into_what_the_counts_keep(
    backups: list[BackupFacts], policy: RetentionPolicy, zone: object
) -> None:
    rules = {**policy.as_dict(), "size_limit": 1, "enforce_size": True}
    limited = judged(backups, RetentionPolicy.from_dict(rules), zone=zone)
    free = {name: value for name, value in rules.items() if name in policy.counts}
    minimum = judged(backups, RetentionPolicy.from_dict(free), zone=zone)
    assert set(limited.going) <= set(minimum.going)


def test_a_size_limit_warns_or_deletes_the_oldest_down_to_the_minimum() -> None:
    backups = [hours_ago(hours, bytes=10) for hours in range(1, 9)]
    rules = {"last": 2, "days": 30, "size_limit": 45}
    warned = judged(backups, RetentionPolicy.from_dict(rules))
    assert (warned.going, warned.above_limit) == ([], {"plan": 35})
    found = judged(backups, RetentionPolicy.from_dict({**rules, "enforce_size": True}))
    assert found.going == [each.id for each in reversed(backups[4:])]
    assert found.above_limit == {}
    tight = {**rules, "size_limit": 5, "enforce_size": True}
    found = judged(backups, RetentionPolicy.from_dict(tight))
    assert found.going == [each.id for each in reversed(backups[2:])]
    assert found.above_limit == {"plan": 15}
    assert {each.reasons for each in found.decisions if not each.keep} == {(Reason.SIZE,)}


@pytest.mark.parametrize("name", POLICIES)
def test_four_times_as_many_backups_ask_for_four_times_the_work(name: str) -> None:
    """Counted by calls: neither a machine nor its caches have a part in it."""
    few, many = (calls(history(number), POLICIES[name]) for number in (2_000, 8_000))
    assert many / few < 4.05


def test_a_limit_alone_warns_and_keeps_all() -> None:
    backups = [hours_ago(hours, bytes=10) for hours in range(1, 9)]
    found = judged(backups, RetentionPolicy(size_limit=30))
    assert (found.going, found.above_limit) == ([], {"plan": 50})


def test_fault_45_the_last_verified_one_stays_when_the_newest_are_bad() -> None:
    backups = [hours_ago(1, "bad"), hours_ago(2, "bad"), hours_ago(3), hours_ago(4)]
    assert told(backups) == [Reason.NEWER, Reason.NEWER, Reason.LAST, Reason.NEWEST_UNCHECKED]
    assert judged(backups, ONE).going == []


def test_fault_45_the_last_proven_one_stays_beside_newer_good_ones() -> None:
    backups = [hours_ago(1), hours_ago(2), hours_ago(3, "proven"), hours_ago(4, "proven")]
    assert told(backups) == [Reason.LAST, Reason.EXPIRED, Reason.LAST_PROVEN, Reason.EXPIRED]


def test_fault_46_sorts_do_not_push_each_other_out() -> None:
    first = hours_ago(1, sort="database ,default,")
    other = hours_ago(2, sort="database ,default2,")
    assert judged([first, other], ONE).going == []
    older = hours_ago(3, sort="database ,default2,")
    assert judged([first, other, older], ONE).going == [older.id]


def test_nothing_goes_while_the_newest_is_not_checked_or_none_is_good() -> None:
    backups = [hours_ago(1, "unchecked"), hours_ago(2), hours_ago(3)]
    assert told(backups) == [Reason.UNCHECKED, Reason.LAST, Reason.NEWEST_UNCHECKED]
    unknown = [hours_ago(hours, "unchecked") for hours in range(1, 5)]
    assert told(unknown) == [Reason.NONE_GOOD] * 4


def test_a_known_bad_one_goes_once_a_newer_one_is_good() -> None:
    backups = [hours_ago(1), hours_ago(2, "not restorable"), hours_ago(3, "damaged"), hours_ago(4)]
    policy = RetentionPolicy(last=2)
    assert told(backups, policy) == [Reason.LAST, Reason.BAD, Reason.BAD, Reason.LAST]


def test_others_backups_future_ones_and_those_without_rules_stay() -> None:
    backups = [
        hours_ago(-1),
        hours_ago(1),
        hours_ago(2, ours=False),
        hours_ago(3, group=""),
        hours_ago(4, protected=True),
        hours_ago(5),
    ]
    spared = {backups[5].id: Reason.ONLY_DATA}
    assert told(backups, spared=spared) == [
        Reason.FUTURE,
        Reason.LAST,
        Reason.FOREIGN,
        Reason.NO_RULES,
        Reason.PROTECTED,
        Reason.ONLY_DATA,
    ]


@pytest.mark.parametrize(("count", "most"), [(1, 3), (12, 3), (15, 3), (16, 4), (100, 25)])
def test_at_most_three_or_a_quarter_go_at_once(count: int, most: int) -> None:
    assert at_once(count) == most
    backups = [hours_ago(hours) for hours in range(1, count + 1)]
    found = judged(backups, ONE, confirmed=False)
    oldest_first = [each.id for each in reversed(backups)]
    assert found.going == oldest_first[: min(most, count - 1)]
    assert found.held(Reason.BRAKE) == oldest_first[most:-1]
    assert judged(backups, ONE).going == oldest_first[:-1]


@pytest.mark.parametrize("why", [Reason.FAILED, Reason.ANOMALY])
def test_a_pause_holds_its_group_alone_whatever_is_confirmed(why: Reason) -> None:
    backups = [hours_ago(hours) for hours in (1, 2, 3)]
    assert told(backups, paused={"plan": why}) == [Reason.LAST, why, why]
    assert told(backups, paused={"other": why})[1:] == [Reason.EXPIRED] * 2


def test_two_groups_of_one_sort_keep_their_own() -> None:
    mine = [hours_ago(hours) for hours in (1, 3)]
    others = [backup(NOW - timedelta(hours=hours), group="other") for hours in (2, 4)]
    assert told([*mine, *others]) == [
        Reason.LAST,
        Reason.EXPIRED,
        Reason.NO_RULES,
        Reason.NO_RULES,
    ]


def test_every_reason_has_its_sentence() -> None:
    assert set(SENTENCES) == set(Reason)
    assert all(str(sentence).endswith((".", "really.")) for sentence in SENTENCES.values())
    assert set(Reason) > DELETES
