"""``make bench``: make data, measure beside the peers, print and keep the result."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NoReturn

from benchmarks import (
    api,
    cluster,
    data,
    idle,
    listing,
    media,
    memory,
    nightly,
    offsite,
    page,
    postgres,
    report,
    restore,
    retention,
    sqlite,
)
from benchmarks.measure import BenchmarkError, say
from benchmarks.site import Site

PARTS = (
    "postgres",
    "sqlite",
    "list",
    "retention",
    "idle",
    "page",
    "api",
    "offsite",
    "restore",
    "memory",
    "media",
)
ASKED_FOR = ("nightly",)
"""Parts that are measured only where ``--only`` names them."""
_ROOM = {
    "postgres": 4e9,
    "sqlite": 4e9,
    "list": 0.2e9,
    "retention": 0,
    "idle": 0.1e9,
    "page": 2.5e9,
    "api": 0.7e9,
    "offsite": 8e9,
    "restore": 8e9,
    "memory": 9e9,
    "media": 7e9,
    "nightly": 2e9,
}
"""Free bytes that each part needs at scale 1."""
_DATABASE = "bench"


def main() -> int:
    options = parse()
    signal.signal(signal.SIGTERM, stop)
    began = time.monotonic()
    try:
        with workplace(options) as folder:
            sections, version = measure(options, folder)
    except BenchmarkError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("Stopped: everything was cleaned up.")
        return 130
    machine = report.describe_machine(
        rounds=options.rounds, scale=options.scale, postgresql=version
    )
    text = report.render(sections, machine)
    print(text)
    path = options.json or report.RESULTS / ("latest.json" if complete(options) else "part.json")
    report.write_json(path, sections, machine)
    if options.write_readme:
        report.write_readme(text)
    say(f"Written to {path} after {time.monotonic() - began:.0f} seconds.")
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=PARTS + ASKED_FOR, help="only this part; may be repeated"
    )
    parser.add_argument("--rounds", type=int, default=5, help="runs of each variant (5)")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="size of the data: 1 is 1.5 GB and 1 GB"
    )
    parser.add_argument(
        "--nights", type=int, default=nightly.NIGHTS, help="backups of the part nightly (30)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures")
    parser.add_argument(
        "--write-readme", action="store_true", help="put the result into benchmarks/README.md"
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep the folder with the data (not the server)"
    )
    options = parser.parse_args()
    if options.rounds < 1 or options.scale <= 0:
        parser.error("--rounds and --scale must be above 0")
    if options.nights < 2:
        parser.error("--nights must be at least 2")
    return options


def complete(options: argparse.Namespace) -> bool:
    return not options.only and options.scale >= 1 and options.rounds >= 5


def stop(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


@contextlib.contextmanager
def workplace(options: argparse.Namespace) -> Iterator[Path]:
    """A folder for everything that is made, removed in the end; it has room enough."""
    temporary = Path(tempfile.gettempdir())
    parts = options.only or PARTS
    # The largest part counts whole, the others with what they leave for the next.
    needed = (max(_ROOM[part] for part in parts) + 4e9) * options.scale + 0.5e9
    free = shutil.disk_usage(temporary).free
    if free < needed:
        raise BenchmarkError(
            f"{temporary} has {free / 1e9:.1f} GB free and this needs {needed / 1e9:.1f} GB:"
            " free some space, set TMPDIR to a larger disk, or say --scale 0.1."
        )
    folder = Path(tempfile.mkdtemp(prefix="trustbackup-bench-"))
    folder.chmod(0o711)  # the server runs as another user when we are root
    try:
        yield folder
    finally:
        if options.keep:
            say(f"Kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def measure(options: argparse.Namespace, folder: Path) -> tuple[list[report.Section], str]:
    """Run the parts that were asked for; what came out, and the server's version."""
    parts = options.only or PARTS
    heavy = {"restore", "memory"} & set(parts)
    sections: list[report.Section] = []
    subjects: list[memory.Subject] = []
    version = ""
    with contextlib.ExitStack() as stack:
        if heavy or "postgres" in parts:
            say("PostgreSQL: starting a server and making the data")
            server = stack.enter_context(cluster.running_cluster(folder))
            version = server.version
            pg_site, pg_size = make_postgres(server, folder, options.scale)
            double = partial(data.double_postgres, server, _DATABASE)
            subjects.append(memory.Subject("PostgreSQL", pg_site, pg_size, double))
            if "postgres" in parts:
                say(f"PostgreSQL: dumping {pg_size / 1e9:.2f} GB")
                sections.append(
                    postgres.measure(server, _DATABASE, pg_site, options.rounds, pg_size)
                )
        if heavy or "sqlite" in parts:
            say("SQLite: making the data")
            path = folder / "bench.sqlite3"
            lite_site, lite_size = make_sqlite(path, folder, options.scale)
            subjects.append(
                memory.Subject("SQLite", lite_site, lite_size, partial(data.double_sqlite, path))
            )
            if "sqlite" in parts:
                say(f"SQLite: dumping {lite_size / 1e9:.2f} GB")
                sections += sqlite.measure(path, lite_site, options.rounds, lite_size)
        sections += measure_many(options, folder)
        if "page" in parts:
            say("The page: its list, and bundles")
            sections += page.measure(folder / "page", options.rounds, options.scale)
        if "api" in parts:
            say("The API: its list, and a download beside the page's")
            sections += api.measure(folder / "api", options.rounds, options.scale)
        if "offsite" in parts:
            say("Copies to an SFTP and an S3 server")
            sections += offsite.measure(folder / "offsite", options.rounds, options.scale)
        if "restore" in parts:
            sections += restore.measure(server, _DATABASE, pg_site, options.rounds)
        if "memory" in parts:
            say("Memory, with the data once and twice")
            sections.append(memory.measure(subjects, min(2, options.rounds)))
    return sections, version


def measure_many(options: argparse.Namespace, folder: Path) -> list[report.Section]:
    """What is to stay quick, or small: the list of many backups, what becomes of each, where they
    are backed up, and what plans cost while nothing is due."""
    parts = options.only or PARTS
    sections: list[report.Section] = []
    if "list" in parts:
        count = max(1, round(listing.BACKUPS * options.scale))
        say(f"Listing {count:,} backups")
        site = Site(folder / "list", f"sqlite:///{folder / 'list.sqlite3'}")
        sections.append(listing.measure(site, options.rounds, count))
    if "retention" in parts:
        count = max(8, round(retention.BACKUPS * options.scale))
        say(f"Keep or delete for {count:,} backups")
        sections.append(retention.measure(options.rounds, count))
    if "media" in parts:
        say("Uploaded files: making them, and their backups")
        site = Site(folder / "uploads", f"sqlite:///{folder / 'uploads.sqlite3'}")
        sections.append(media.measure(site, options.rounds, options.scale))
    if "idle" in parts:
        say("A site on which nothing is due")
        sections += idle.measure(folder / "idle", options.rounds)
    if "nightly" in parts:
        say(f"A backup folder that restic backs up for {options.nights} nights")
        place = folder / "nightly"
        place.mkdir(mode=0o711)
        with cluster.running_cluster(place) as server:
            sections.append(nightly.measure(server, place, options.scale, options.nights))
    return sections


def make_postgres(server: cluster.Cluster, folder: Path, scale: float) -> tuple[Site, int]:
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {_DATABASE}".encode())
    site = Site(folder / "postgres", server.url(_DATABASE))
    site.manage("migrate", "--verbosity", "0")
    return site, data.fill_postgres(server, _DATABASE, round(data.POSTGRES_ORDERS * scale))


def make_sqlite(path: Path, folder: Path, scale: float) -> tuple[Site, int]:
    site = Site(folder / "sqlite", f"sqlite:///{path}")
    site.manage("migrate", "--verbosity", "0")
    return site, data.fill_sqlite(path, round(data.SQLITE_ORDERS * scale))


if __name__ == "__main__":
    sys.exit(main())
