"""Dumps of an SQLite file in WAL mode, and a writer that goes on meanwhile."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import BenchmarkError, Sample, ended, interleave, median
from benchmarks.report import Section, Target, compare
from benchmarks.site import CHECKOUT, Site

PEER = "dbbackup -z"
OURS = "create_backup"
WRITTEN = "create_backup, 100 writes a second"


def measure(path: Path, site: Site, rounds: int, size: int) -> list[Section]:
    """``size`` is the file's, in bytes."""
    waits: list[list[float]] = []

    def while_writing() -> Sample:
        with writer(path, site) as took:
            sample = site.dump("create_backup")()
        waits.append(took)
        return sample

    path.read_bytes()[:0]  # once unmeasured: the data is in the page cache from here on
    samples = interleave(
        {
            PEER: site.dump("dbbackup", "-z"),
            OURS: site.dump("create_backup"),
            WRITTEN: while_writing,
        },
        rounds,
    )
    section = compare(f"SQLite, a file of {size / 1e9:.2f} GB in WAL mode", samples, peer=PEER)
    section.facts = {"database_bytes": size}
    section.targets = [
        Target(
            what="SQLite: create_backup faster than dbbackup -z",
            value=median(samples[PEER]) / median(samples[OURS]),
            limit=4,
            at_least=True,
        )
    ]
    with writer(path, site) as alone:
        time.sleep(median(samples[OURS]))
    return [section, writes(waits, alone)]


def writes(waits: list[list[float]], alone: list[float]) -> Section:
    """How long single transactions took, in all rounds together and without a backup."""
    during = [seconds for took in waits for seconds in took]
    section = Section(
        title="SQLite, one small transaction of a site that writes 100 times a second",
        header=["", "transactions", "median, ms", "99 %, ms", "longest, ms"],
        facts={"longest_seconds": [max(took) for took in waits], "longest_alone": max(alone)},
    )
    for name, unsorted in (("without a backup", alone), ("during create_backup", during)):
        took = sorted(unsorted)
        section.rows.append(
            [
                name,
                f"{len(took)}",
                f"{took[len(took) // 2] * 1e3:.2f}",
                f"{took[int(len(took) * 0.99)] * 1e3:.2f}",
                f"{took[-1] * 1e3:.1f}",
            ]
        )
    section.targets = [
        Target(
            what="SQLite: the longest that one write was held up",
            value=max(during) * 1e3,
            limit=100,
            unit="ms",
        )
    ]
    return section


@contextlib.contextmanager
def writer(path: Path, site: Site) -> Iterator[list[float]]:
    """Somebody writes inside the block; after it the list has each transaction's seconds."""
    took: list[float] = []
    result = site.folder / "writer.json"
    process = subprocess.Popen(
        [sys.executable, str(CHECKOUT / "benchmarks" / "writer.py"), str(path), str(result)],
        env=site.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with ended(process), process.stdin, process.stdout:
        process.stdout.readline()
        yield took
        process.stdin.close()
        if process.wait():
            raise BenchmarkError(f"The writer on {path.name} failed.")
        took += json.loads(result.read_text())
