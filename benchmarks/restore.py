"""Restores beside ``dbrestore``, drills beside a bare ``pg_restore``, the time cut off."""

from __future__ import annotations

import json
import shlex
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.cluster import Cluster
from benchmarks.data import settle_postgres
from benchmarks.measure import BenchmarkError, Sample, interleave, median, run
from benchmarks.report import Section, Target
from benchmarks.site import Site

PEER = "dbbackup: dbrestore -z"
SWAP = "restore_backup, .dump.gz"
DIRECTORY = "restore_backup, .dump.tar.gz"
DRILL = "verify_backup --restore, .dump.gz"
BARE = "gunzip | pg_restore into a new database"
FLOOR = "pg_dump -Fc -Z0 >/dev/null"
PLAIN = "create_backup"
CONTENT = "create_backup --content"
PARALLEL = "create_backup --format directory"
_SCRATCH = "bench_scratch"


@dataclass
class Bench:
    """The backups that are restored again and again."""

    cluster: Cluster
    name: str
    site: Site
    custom: str
    directory: str
    dump: Path

    def restore(self, backup: str) -> Sample:
        """A whole restore; the old database that it keeps is dropped, unmeasured."""
        sample = self.site.manage("restore_backup", backup, "--force")
        self.site.manage("release_restore", "--yes")
        settle_postgres(self.cluster, self.name)
        return sample

    def peer(self) -> Sample:
        sample = self.site.manage("dbrestore", "-z", "--noinput")
        settle_postgres(self.cluster, self.name)
        return sample

    def bare(self) -> Sample:
        with self.cluster.connect() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {_SCRATCH}".encode())
            connection.execute(f"CREATE DATABASE {_SCRATCH} TEMPLATE template0".encode())
        program = shlex.quote(str(self.cluster.programs / "pg_restore"))
        command = f"gunzip -c {shlex.quote(str(self.dump))} | {program} -1 -d {_SCRATCH}"
        env = {**self.site.environment, **self.cluster.environment(_SCRATCH)}
        sample = run(["bash", "-o", "pipefail", "-c", command], env)
        with self.cluster.connect() as connection:
            connection.execute(f"DROP DATABASE {_SCRATCH}".encode())
        return sample


def measure(cluster: Cluster, name: str, site: Site, rounds: int) -> list[Section]:
    """Dumps with more to do, then restores; the database is as large as in the dump part."""
    dumps = _dumps(cluster, name, site, rounds)
    site.manage("dbbackup", "-z")
    custom = _create(site)
    directory = _create(site, "--format", "directory")
    (dump,) = site.backups.glob(f"backup_{custom}.dump.gz")
    bench = Bench(cluster, name, site, custom, directory, dump)
    samples = interleave(
        {
            PEER: bench.peer,
            SWAP: lambda: bench.restore(custom),
            DIRECTORY: lambda: bench.restore(directory),
            DRILL: lambda: site.manage("verify_backup", custom, "--restore"),
            BARE: bench.bare,
        },
        rounds,
    )
    gap = _cut_off(bench)
    seconds = {key: median(runs) for key, runs in samples.items()}
    section = Section(
        title="PostgreSQL, restores of that database",
        header=["", "seconds (min to max)", "speed beside dbrestore", "memory, MB"],
        samples=samples,
        notes=[f"While a restore swapped, a client that reconnects was cut off for {gap:.2f} s."],
        facts={"cut_off_seconds": gap},
    )
    for key, runs in samples.items():
        every = [sample.seconds for sample in runs]
        section.rows.append(
            [
                key,
                f"{seconds[key]:.2f} ({min(every):.2f} to {max(every):.2f})",
                f"{seconds[PEER] / seconds[key]:.2f} x",
                f"{median(runs, 'memory') / 1e6:.0f}",
            ]
        )
    section.targets = [
        _faster("restore of .dump.gz faster than dbrestore", seconds[PEER] / seconds[SWAP], 1.2),
        _faster(
            "restore of .dump.tar.gz faster than dbrestore",
            seconds[PEER] / seconds[DIRECTORY],
            1.6,
        ),
        Target(what="PostgreSQL: cut off during a restore", value=gap, limit=2, unit="s"),
        Target(
            what="PostgreSQL: drill beside a bare pg_restore",
            value=seconds[DRILL] / seconds[BARE],
            limit=1.3,
        ),
    ]
    return [dumps, section]


def _faster(what: str, value: float, limit: float) -> Target:
    return Target(what=f"PostgreSQL: {what}", value=value, limit=limit, at_least=True)


def _dumps(cluster: Cluster, name: str, site: Site, rounds: int) -> Section:
    def floor() -> Sample:
        env = {**site.environment, **cluster.environment(name)}
        return run([str(cluster.programs / "pg_dump"), "-Fc", "-Z0"], env)

    samples = interleave(
        {
            FLOOR: floor,
            PLAIN: site.dump("create_backup"),
            CONTENT: site.dump("create_backup", "--content"),
            PARALLEL: site.dump("create_backup", "--format", "directory"),
        },
        rounds,
    )
    seconds = {key: median(runs) for key, runs in samples.items()}
    section = Section(
        title="PostgreSQL, dumps with more to do",
        header=["", "seconds", "beside the floor", "beside create_backup", "file, MB"],
        samples=samples,
    )
    for key, runs in samples.items():
        size = median(runs, "size")
        section.rows.append(
            [
                key,
                f"{seconds[key]:.2f}",
                f"{seconds[key] / seconds[FLOOR]:.2f} x",
                f"{seconds[key] / seconds[PLAIN]:.2f} x",
                f"{size / 1e6:.0f}" if size else "-",
            ]
        )
    section.targets = [
        Target(
            what="PostgreSQL: --content beside create_backup",
            value=seconds[CONTENT] / seconds[PLAIN],
            limit=1.7,
        ),
        Target(
            what="PostgreSQL: --format directory beside the floor",
            value=seconds[PARALLEL] / seconds[FLOOR],
            limit=1.3,
        ),
    ]
    return section


def _create(site: Site, *arguments: str) -> str:
    output = site.folder / "created"
    site.manage("create_backup", "--json", *arguments, stdout=output)
    identifier: str = json.loads(output.read_text())["id"]
    return identifier


def _cut_off(bench: Bench) -> float:
    """The longest time without an accepted connection during one restore, in seconds."""
    stop = threading.Event()
    gaps: list[float] = []

    def client() -> None:
        accepted = time.monotonic()
        while not stop.is_set():
            try:
                with bench.cluster.connect(bench.name) as connection:
                    connection.execute("SELECT 1")
            except psycopg.Error:
                continue
            now = time.monotonic()
            gaps.append(now - accepted)
            accepted = now

    thread = threading.Thread(target=client)
    thread.start()
    try:
        bench.restore(bench.custom)
    finally:
        stop.set()
        thread.join()
    if not gaps:
        raise BenchmarkError("No connection was accepted during the restore.")
    return max(gaps)
