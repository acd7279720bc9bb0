"""Dumps of a PostgreSQL database: the floor, the peer, and ours."""

from __future__ import annotations

import sys

from benchmarks.cluster import Cluster
from benchmarks.measure import Sample, interleave, median, run
from benchmarks.report import Section, Target, compare
from benchmarks.site import CHECKOUT, Site

FLOOR = "pg_dump -Fc -Z0 >/dev/null"
PEER = "dbbackup -z"
OURS = "create_backup"
ZSTD = "create_backup --compression zstd"
PIPELINE = "create_backup(), Django is up"


def measure(cluster: Cluster, name: str, site: Site, rounds: int, size: int) -> Section:
    """``size`` is the database's, in bytes."""

    def floor() -> Sample:
        env = {**site.environment, **cluster.environment(name)}
        return run([str(cluster.programs / "pg_dump"), "-Fc", "-Z0"], env)

    floor()  # once unmeasured: the data is in the page cache from here on
    samples = interleave(
        {
            FLOOR: floor,
            PEER: site.dump("dbbackup", "-z"),
            OURS: site.dump("create_backup"),
            ZSTD: site.dump("create_backup", "--compression", "zstd"),
            PIPELINE: lambda: pipeline(site, "gzip"),
        },
        rounds,
    )
    section = compare(
        f"PostgreSQL, a database of {size / 1e9:.2f} GB", samples, peer=PEER, floor=FLOOR
    )
    section.facts = {"database_bytes": size}
    seconds = {key: median(runs) for key, runs in samples.items()}
    sizes = {key: median(runs, "size") for key, runs in samples.items()}
    section.targets = [
        Target(
            what="PostgreSQL: create_backup beside the floor",
            value=seconds[OURS] / seconds[FLOOR],
            limit=1.25,
        ),
        Target(
            what="PostgreSQL: the pipeline alone beside the floor",
            value=seconds[PIPELINE] / seconds[FLOOR],
            limit=1.05,
        ),
        Target(
            what="PostgreSQL: create_backup faster than dbbackup -z",
            value=seconds[PEER] / seconds[OURS],
            limit=3.5,
            at_least=True,
        ),
        Target(
            what="PostgreSQL: file beside dbbackup's, gzip",
            value=sizes[OURS] / sizes[PEER],
            limit=1.15,
        ),
        Target(
            what="PostgreSQL: file beside dbbackup's, zstd",
            value=sizes[ZSTD] / sizes[PEER],
            limit=1.05,
        ),
    ]
    return section


def pipeline(site: Site, compression: str) -> Sample:
    """Time the operation itself, in a process that has started."""
    output = site.folder / "pipeline"
    run(
        [sys.executable, str(CHECKOUT / "benchmarks" / "pipeline.py"), compression],
        site.environment,
        output,
    )
    seconds, memory = output.read_text().split()
    return site.weighed(Sample(seconds=float(seconds), memory=int(memory)))
