"""A month of daily backups in a folder that restic backs up every night: what it stores.

A shop whose newest tenth changes by 1 % a day, and which grows by 1 % a day. The same nights
without cuts (``trustbackup/store/cuts.py``) stand beside, which a process makes that does not
find pyfastcdc. Three more nights change rows anywhere.
"""

from __future__ import annotations

import itertools
import shutil
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.cluster import Cluster
from benchmarks.data import INDEXES, TABLES, copy_rows, everything, settle_postgres
from benchmarks.measure import BenchmarkError, Sample, median, run, say
from benchmarks.report import Section, Target
from benchmarks.site import CHECKOUT, Site

ORDERS = 182_000
"""At scale 1: a database of 100 MB."""
NIGHTS, SCATTERED = 30, 3
_GROWTH, _CHANGED, _NEWEST = 0.01, 0.01, 0.1
_UPDATES = {
    "bench_order": "total = total + 1, status = 'completed'",
    "bench_item": "quantity = quantity + 1",
    "bench_token": "secret = reverse(secret)",
}
CUT, UNCUT = "gzip", "gzip, not cut"


@dataclass(frozen=True)
class UncutSite(Site):
    """Its commands don't find pyfastcdc."""

    @property
    def environment(self) -> dict[str, str]:
        hiding = self.folder / "hiding"
        hiding.mkdir(exist_ok=True)
        (hiding / "pyfastcdc.py").write_text("raise ImportError\n")
        return {**super().environment, "PYTHONPATH": f"{hiding}:{CHECKOUT}"}


class Repository:
    """What restic has stored of one site's backup folder."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.folder = site.folder / "restic"
        self.restic("init")

    def restic(self, *arguments: str) -> Sample:
        """The sample's ``size`` is what the repository grew by, in bytes."""
        program = shutil.which("restic")
        if program is None:
            raise BenchmarkError("restic is not installed (Debian: apt install restic).")
        before = self.size()
        environment = {**self.site.environment, "RESTIC_PASSWORD": "x"}
        command = [program, "--no-cache", "--repo", str(self.folder), *arguments]
        sample = run(command, environment)
        return Sample(
            seconds=sample.seconds,
            cpu=sample.cpu,
            memory=sample.memory,
            size=self.size() - before,
        )

    def size(self) -> int:
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def measure(cluster: Cluster, folder: Path, scale: float, nights: int) -> Section:
    database = "nightly"
    with cluster.connect() as connection:
        connection.execute(f"CREATE DATABASE {database}".encode())
    url = cluster.url(database)
    sites = {
        CUT: Site(folder / "gzip", url),
        UNCUT: UncutSite(folder / "gzip-uncut", url),
        "zstd": Site(folder / "zstd", url),
        "zstd, not cut": UncutSite(folder / "zstd-uncut", url),
        "not compressed": Site(folder / "none", url),
    }
    sites[CUT].manage("migrate", "--verbosity", "0")
    shop = Shop(cluster, database, round(ORDERS * scale), nights + SCATTERED)
    repositories = {name: Repository(site) for name, site in sites.items()}
    dumps: dict[str, list[Sample]] = {name: [] for name in sites}
    stored: dict[str, list[Sample]] = {name: [] for name in sites}
    size = shop.size
    for night in range(nights + SCATTERED):
        if night:
            shop.live_a_day(night, everywhere=night >= nights)
        # In turn: whoever is first finds less of the database in memory.
        for name in list(sites)[:: 1 if night % 2 else -1]:
            before = set(sites[name].backups.iterdir())
            compression = name.partition(",")[0].replace("not compressed", "none")
            sample = sites[name].manage("create_backup", "--compression", compression)
            new = set(sites[name].backups.iterdir()) - before
            written = sum(path.stat().st_size for path in new if path.is_file())
            dumps[name].append(
                Sample(seconds=sample.seconds, cpu=sample.cpu, memory=sample.memory, size=written)
            )
            stored[name].append(repositories[name].restic("backup", str(sites[name].backups)))
        say(
            f"    night {night + 1}/{nights + SCATTERED}  "
            + "  ".join(f"{name} {runs[-1].size / 1e6:.1f} MB" for name, runs in stored.items())
        )
    result = section(dumps, stored, nights, size)
    result.facts["postgresql"] = cluster.version
    return result


class Shop:
    """A database whose rows are the same on every machine, day by day."""

    def __init__(self, cluster: Cluster, database: str, orders: int, days: int) -> None:
        self.cluster, self.database = cluster, database
        last = round(orders * (1 + _GROWTH) ** days)
        self._rows = everything(last)
        # As many of each table as belong to so many orders.
        self._per_order = {"bench_order": 1.0, "bench_item": 3.0, "bench_token": 0.2}
        self._orders, self._filled = orders, dict.fromkeys(self._rows, 0)
        with cluster.connect(database) as connection, connection.cursor() as cursor:
            for statement in TABLES:
                cursor.execute(statement.format(order="", item="", token="").encode())
            self._grow(cursor, 0)
            for table in self._rows:
                cursor.execute(f"ALTER TABLE {table} ADD PRIMARY KEY (id)".encode())
            for statement in INDEXES:
                cursor.execute(statement.encode())
        self.size = settle_postgres(cluster, database)

    def live_a_day(self, day: int, *, everywhere: bool = False) -> None:
        """Change 1 % of the newest tenth (or of all rows) of each table, and add 1 %."""
        with self.cluster.connect(self.database) as connection, connection.cursor() as cursor:
            for table, change in _UPDATES.items():
                share = round(1 / _CHANGED)
                oldest = 0 if everywhere else (1 - _NEWEST) * self._filled[table]
                cursor.execute(
                    f"UPDATE {table} SET {change} WHERE id > {oldest}"
                    f" AND id % {share} = {day % share}".encode()
                )
            self._grow(cursor, day)

    def _grow(self, cursor: psycopg.Cursor[Any], day: int) -> None:
        orders = self._orders * (1 + _GROWTH) ** day
        for table, rows in self._rows.items():
            count = round(orders * self._per_order[table]) - self._filled[table]
            copy_rows(cursor, table, itertools.islice(rows, count))
            self._filled[table] += count


def section(
    dumps: dict[str, list[Sample]], stored: dict[str, list[Sample]], nights: int, size: int
) -> Section:
    """One line for each variant, and what is promised of gzip."""
    result = Section(
        title=f"{nights} nights of a shop of {size / 1e6:.0f} MB, backed up by restic",
        header=[
            *("", "restic stores, MB", "beside not cut", "a further night, of a file"),
            *("rows anywhere, of a file", "create_backup, s", "s CPU", "file, MB"),
        ],
        samples={f"{name}: create_backup": runs for name, runs in dumps.items()}
        | {f"{name}: restic backup": runs for name, runs in stored.items()},
        facts={"database_bytes": size, "nights": nights},
    )
    totals = {name: sum(sample.size for sample in runs[:nights]) for name, runs in stored.items()}
    for name, runs in dumps.items():
        share = [night.size / file.size for night, file in zip(stored[name], runs, strict=True)]
        peer = UNCUT if name in (CUT, UNCUT) else "zstd, not cut"
        result.rows.append(
            [
                name,
                f"{totals[name] / 1e6:.0f}",
                f"{totals[name] / totals[peer]:.2f} x" if name != "not compressed" else "-",
                f"{100 * statistics.mean(share[1:nights]):.0f} %",
                f"{100 * statistics.mean(share[nights:]):.0f} %",
                f"{median(runs):.2f}",
                f"{median(runs, 'cpu'):.2f}",
                f"{median(runs, 'size') / 1e6:.1f}",
            ]
        )
    cut, uncut = dumps[CUT], dumps[UNCUT]
    result.targets = [
        Target(
            what="A month in restic beside the same not cut",
            value=totals[CUT] / totals[UNCUT],
            limit=0.25,
        ),
        Target(what="One backup's time", value=median(cut) / median(uncut), limit=1.03),
        Target(
            what="One backup's size",
            value=median(cut, "size") / median(uncut, "size"),
            limit=1.005,
        ),
    ]
    return result
