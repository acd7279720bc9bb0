"""``list_backups`` over a folder of 10,000 backups."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import settings
from benchmarks.measure import interleave, median
from benchmarks.report import Section, Target
from benchmarks.site import Site
from trustbackup.store import names
from trustbackup.store.manifest import Manifest, Part, Table, dump
from trustbackup.store.signature import Signer

BACKUPS = 10_000


def measure(site: Site, rounds: int, count: int) -> Section:
    synthesise(site.backups, count)
    site.manage("migrate", "--verbosity", "0")
    samples = interleave({"first call: the index is made": lambda: site.manage("list_backups")}, 1)
    samples |= interleave(
        {
            "list_backups": lambda: site.manage("list_backups"),
            "list_backups --json": lambda: site.manage("list_backups", "--json"),
            "check --help: Django's own start": lambda: site.manage("check", "--help"),
        },
        rounds,
    )
    section = Section(
        title=f"list_backups over {count:,} backups",
        header=["", "CPU seconds (user + system)", "seconds", "memory, MB"],
        samples=samples,
        facts={"backups": count},
    )
    for name, runs in samples.items():
        section.rows.append(
            [
                name,
                f"{median(runs, 'cpu'):.2f}",
                f"{median(runs):.2f}",
                f"{median(runs, 'memory') / 1e6:.0f}",
            ]
        )
    section.targets = [
        Target(
            what=f"the index of {count:,} backups made anew",
            value=median(samples["first call: the index is made"], "cpu"),
            limit=2.9,
            unit="s CPU",
        ),
        *(
            Target(
                what=f"{name} over {count:,} backups",
                value=median(samples[name], "cpu"),
                limit=1,
                unit="s CPU",
            )
            for name in ("list_backups", "list_backups --json")
        ),
    ]
    return section


def synthesise(root: Path, count: int, data: bytes = b"a tiny dump") -> None:
    """Fill the folder with backups of these bytes, one every three hours, with real manifests.

    Written without the flush that a real backup has: that would be most of the time.
    """
    signer = Signer([settings.SECRET_KEY])
    tables = tuple(Table(schema="public", name=f"shop_table_{n}", rows=n * 97) for n in range(18))
    migrations = tuple(("shop", f"{n:04d}_change") for n in range(1, 31))
    sha256 = hashlib.sha256(data).hexdigest()
    newest = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(count):
        created = newest - timedelta(hours=3 * number)
        identifier = names.backup_id(created)
        file = names.part_name(identifier, "default", "dump", ".gz")
        part = Part(
            part="default",
            file=file,
            bytes=len(data),
            raw_bytes=len(data),
            sha256=sha256,
            compression="gzip",
            format="pg_dump custom",
            engine="postgresql",
            connector="dbbackup.db.postgresql.PgDumpBinaryConnector",
            server_version="15.0",
            tool_version="pg_dump (PostgreSQL) 15.0",
            database="shop",
            encoding="UTF8",
            tables=tables,
            migrations=migrations,
        )
        manifest = Manifest(
            id=identifier,
            name="",
            kind="database",
            trigger="command",
            host="benchmark",
            created=created,
            started=created,
            finished=created + timedelta(seconds=5),
            versions={"django": "5.2", "python": "3.11", "trustbackup": "0.1.0"},
            parts=(part,),
        )
        (root / file).write_bytes(data)
        (root / names.manifest_name(identifier)).write_bytes(dump(manifest, signer))
