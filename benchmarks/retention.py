"""Keep or delete: the rules of retention for 100,000 backups at three places, in this process."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from types import FrameType
from zoneinfo import ZoneInfo

from benchmarks.measure import Sample, interleave, median
from benchmarks.report import Section, Target
from trustbackup.policy.protection import BackupFacts
from trustbackup.policy.retention import RetentionPolicy
from trustbackup.policy.retention.decide import Rules, decide

BACKUPS, PLACES = 100_000, 3
POLICIES = {
    "3 last, 7 daily, 5 weekly, 12 monthly": RetentionPolicy(last=3, daily=7, weekly=5, monthly=12),
    "every rule, which keep all": RetentionPolicy(
        last=10,
        hourly=BACKUPS,
        daily=BACKUPS,
        weekly=BACKUPS,
        monthly=BACKUPS,
        yearly=BACKUPS,
        days=3_000,
        size_limit=10**15,
        enforce_size=True,
    ),
}
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def measure(rounds: int, count: int) -> Section:
    variants: dict[str, Callable[[], Sample]] = {}
    for name, policy in POLICIES.items():
        for part in (4, 1):
            backups = history(count // part)
            variants[f"{name}: {len(backups):,}"] = partial(judge, backups, policy)
    samples = interleave(variants, rounds)
    section = Section(
        title=f"Keep or delete for {count:,} backups at {PLACES} places",
        header=["rules: backups", "CPU seconds"],
        samples=samples,
        facts={"backups": count, "places": PLACES},
    )
    for name, runs in samples.items():
        section.rows.append([name, f"{median(runs, 'cpu'):.2f}"])
    for name, policy in POLICIES.items():
        whole = median(samples[f"{name}: {count:,}"], "cpu")
        quarter = median(samples[f"{name}: {count // 4:,}"], "cpu")
        section.targets += [
            Target(what=name, value=whole, limit=2, unit="s CPU"),
            # What four times as many cost beyond four times is memory that is further away.
            Target(
                what=f"{name}: four times as many", value=whole / quarter, limit=5.5, unit="x CPU"
            ),
            Target(
                what=f"{name}: calls for four times as many",
                value=calls(history(count), policy) / calls(history(count // 4), policy),
                limit=4.05,
            ),
        ]
    return section


def judge(backups: list[BackupFacts], policy: RetentionPolicy) -> Sample:
    rules = {"plan": Rules(policy=policy, zone=ZoneInfo("Europe/Berlin"))}
    began, wall = time.process_time(), time.perf_counter()
    for _place in range(PLACES):
        decide(backups, rules, now=NOW)
    cpu = time.process_time() - began
    return Sample(seconds=time.perf_counter() - wall, cpu=cpu)


def calls(backups: list[BackupFacts], policy: RetentionPolicy) -> int:
    """How many functions are called to judge them once: no clock, no machine in it."""
    rules = {"plan": Rules(policy=policy, zone=ZoneInfo("Europe/Berlin"))}
    counted = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        decide(backups, rules, now=NOW)
    finally:
        sys.setprofile(before)
    return counted


def history(count: int) -> list[BackupFacts]:
    """One an hour, most of them checked and some drilled."""
    chance = random.Random(1)
    return [
        BackupFacts(
            id=f"{number:06}",
            sort="database ,default,",
            created=NOW - timedelta(hours=number),
            whole=True,
            checked=True if chance.random() < 0.97 else None,
            drilled=True if chance.random() < 0.1 else None,
            bytes=1_000_000,
            group="plan",
        )
        for number in range(count)
    ]
