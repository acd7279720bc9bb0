"""The API behind real web servers, beside itself with few backups and beside the page."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from benchmarks import listing
from benchmarks.measure import Sample, interleave, median
from benchmarks.page import SERVERS, filled, serving, speed
from benchmarks.report import Section, Target
from benchmarks.site import Site

FEW, MANY = 50, listing.BACKUPS
"""One page of the API's list, and what it is one page of."""
FILE_SIZE = 500_000_000
"""Bytes that are downloaded."""
_PAGE, _API = "/settings/backups/", "/settings/backups/api/v1/"


def measure(folder: Path, rounds: int, scale: float) -> list[Section]:
    return [measure_list(folder, rounds, scale), measure_downloads(folder, rounds, scale)]


def measure_list(folder: Path, rounds: int, scale: float) -> Section:
    many = max(FEW, round(MANY * scale))
    with contextlib.ExitStack() as stack:
        sites = {
            f"{FEW} of {count:,}": stack.enter_context(filled(folder / str(count), count))
            for count in sorted({FEW, many})
        }
        for served in sites.values():
            for _ in range(3):
                served.fetch(f"{_API}backups/")
        samples = interleave(
            {
                name: (lambda served=served: served.fetch(f"{_API}backups/"))
                for name, served in sites.items()
            },
            rounds * 5,
        )
    rows = []
    for name, runs in samples.items():
        every = [run.seconds * 1000 for run in runs]
        rows.append([name, f"{median(runs) * 1000:.1f} ({min(every):.1f} to {max(every):.1f})"])
    few, most = min(samples, key=len), max(samples, key=len)
    ratio = median(samples[most]) / median(samples[few])
    return Section(
        title="The API's list",
        header=["", "ms (min to max)"],
        rows=rows,
        samples=samples,
        facts={"backups": many},
        targets=[Target(what=f"{most} beside {few}", value=ratio, limit=1.2)],
    )


def measure_downloads(folder: Path, rounds: int, scale: float) -> Section:
    size = max(1000, round(FILE_SIZE * scale))
    site = Site(folder / "file", f"sqlite:///{folder / 'file.sqlite3'}")
    site.manage("migrate", "--verbosity", "0")
    listing.synthesise(site.backups, 1, os.urandom(size))
    [path] = site.backups.glob("*.dump.gz")
    backup = path.name.removeprefix("backup_").removesuffix(".dump.gz")
    section = Section(
        title=f"A file of {size / 1e6:.0f} MB, downloaded",
        header=["", "MB/s", "beside the page"],
    )
    samples: dict[str, list[Sample]] = {}
    for server in SERVERS:
        by_page, by_api = f"{server}, page", f"{server}, API"
        with serving(site, server) as served:
            served.fetch(_PAGE)
            samples |= interleave(
                {
                    by_page: lambda: served.fetch(f"{_PAGE}download/{path.name}/"),
                    by_api: lambda: served.fetch(f"{_API}backups/{backup}/files/{path.name}/"),
                },
                rounds * 3,
            )
        base = speed(samples[by_page])
        for name in (by_page, by_api):
            rate = speed(samples[name])
            section.rows.append([name, f"{rate / 1e6:.0f}", f"{rate / base:.2f} x"])
        ratio = speed(samples[by_api]) / base
        section.targets.append(Target(what=by_api, value=ratio, limit=0.95, at_least=True))
    section.samples = samples
    return section
