"""What a place's rules would let go again is not brought there: without any memory of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

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
from trustbackup.policy.retention.decide import Rules
from trustbackup.policy.retention.reasons import DELETES, Reason
from trustbackup.policy.retention.rules import RetentionPolicy
from trustbackup.policy.retention.unwanted import unwanted

Facts = list[BackupFacts]


def as_copy(each: BackupFacts) -> BackupFacts:
    """What is known of a copy that has just arrived: its hashes were compared."""
    return each if each.is_bad else replace(each, checked=True)


def sync(there: Facts, here: Facts, policy: RetentionPolicy, zone: ZoneInfo) -> Facts:
    """What is there after a sync from ``here``."""
    known = {each.id for each in there}
    lacking = [as_copy(each) for each in here if each.id not in known]
    rules = {"plan": Rules(policy=policy, zone=zone)}
    left_out = unwanted(there, lacking, rules, now=NOW)
    return [*there, *(each for each in lacking if each.id not in left_out)]


def prune(there: Facts, policy: RetentionPolicy, zone: ZoneInfo) -> Facts:
    return without(there, judged(there, policy, zone=zone))


def ids(backups: Facts) -> set[str]:
    return {each.id for each in backups}


@settings(deadline=None)
@given(histories(), policies, zones, st.data())
def test_prune_and_sync_in_turn_come_to_rest_at_once(
    here: Facts, policy: RetentionPolicy, zone: ZoneInfo, data: st.DataObject
) -> None:
    # Of a copy there it may be forgotten that it was ever compared.
    ways = data.draw(st.lists(st.integers(0, 2), min_size=len(here), max_size=len(here)))
    there = [
        as_copy(each) if way == 1 else each for each, way in zip(here, ways, strict=True) if way
    ]
    synced = sync(prune(there, policy, zone), here, policy, zone)
    pruned = prune(synced, policy, zone)
    for _time in range(2):
        synced = sync(pruned, here, policy, zone)
        assert ids(synced) == ids(pruned)
        pruned = prune(synced, policy, zone)
        assert ids(pruned) == ids(synced)


@settings(deadline=None)
@given(histories(), policies, zones)
def test_what_a_prune_let_go_is_never_brought_again(
    here: Facts, policy: RetentionPolicy, zone: ZoneInfo
) -> None:
    there = [as_copy(each) for each in here]
    pruned = prune(there, policy, zone)
    assert ids(sync(pruned, here, policy, zone)) == ids(pruned)
    # A lost index knows of no comparison any more.
    forgotten = [each if each.is_bad else replace(each, checked=None) for each in pruned]
    assert ids(sync(forgotten, here, policy, zone)) == ids(pruned)


@settings(deadline=None)
@given(histories(), policies, zones, st.data())
def test_what_a_place_lost_by_itself_is_brought_again(
    here: Facts, policy: RetentionPolicy, zone: ZoneInfo, data: st.DataObject
) -> None:
    judgement = judged([as_copy(each) for each in here], policy, zone=zone)
    kept = {each.id for each in judgement.decisions if each.reasons[-1] not in DELETES}
    lost = data.draw(st.sets(st.sampled_from(sorted(kept)))) if kept else set()
    left = [as_copy(each) for each in here if each.id in kept - lost]
    assert ids(sync(left, here, policy, zone)) == kept


def test_rules_that_became_longer_ask_for_more() -> None:
    here = [hours_ago(24 * days) for days in range(1, 8)]
    there = here[:2]
    rules = {"plan": Rules(policy=RetentionPolicy(last=2), zone=UTC)}
    assert unwanted(there, here[2:], rules, now=NOW) == ids(here[2:])
    longer = {"plan": Rules(policy=RetentionPolicy(last=4), zone=UTC)}
    assert unwanted(there, here[2:], longer, now=NOW) == ids(here[4:])


def test_what_no_rules_are_for_and_what_is_protected_is_always_wanted() -> None:
    newest = [hours_ago(hours) for hours in range(1, 4)]
    by_hand = hours_ago(50, group="")
    protected = hours_ago(60, protected=True)
    foreign = hours_ago(70, ours=False)
    rules = {"plan": Rules(policy=RetentionPolicy(last=1), zone=UTC)}
    lacking = [by_hand, protected, foreign, hours_ago(80)]
    assert unwanted(newest, lacking, rules, now=NOW) == {lacking[-1].id}


def test_what_waits_for_a_brake_or_for_a_check_there_is_no_more_welcome() -> None:
    there = [hours_ago(1, "unchecked"), hours_ago(2)]
    rules = {"plan": Rules(policy=RetentionPolicy(last=1), zone=UTC)}
    lacking = [backup(NOW - timedelta(days=days)) for days in range(1, 30)]
    assert unwanted(there, lacking, rules, now=NOW) == ids(lacking)


def test_what_an_unchecked_copy_takes_the_room_of_is_not_brought_to_be_deleted_for_it() -> None:
    rules = RetentionPolicy(daily=2, days=30, size_limit=35, enforce_size=True)
    there = [
        hours_ago(1, bytes=10),
        hours_ago(30, "unchecked", bytes=10),
        hours_ago(50, bytes=10),
    ]
    lacking = hours_ago(9, bytes=10)
    # Were the second one good, the third would stay for its day alone, and go before this one.
    assert [
        each.reasons for each in judged([*there, lacking], rules).decisions if not each.keep
    ] == [(Reason.SIZE,)]
    assert sync(there, [lacking], rules, ZoneInfo("UTC")) == there
