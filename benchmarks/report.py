"""What came out: tables for a person, JSON for a machine, and the README's result section."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.measure import Sample, median

RESULTS = Path(__file__).with_name("results")
README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- results begin -->", "<!-- results end -->"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A promise: ``value`` must be at most ``limit``, or at least with ``at_least``."""

    what: str
    value: float
    limit: float
    unit: str = "x"
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def cells(self) -> list[str]:
        word = "at least" if self.at_least else "at most"
        return [
            self.what,
            f"{self.value:.2f} {self.unit}",
            f"{word} {self.limit:g} {self.unit}",
            "yes" if self.met else "**no**",
        ]


@dataclass(kw_only=True)
class Section:
    """One thing that was measured: a table, the samples behind it, and the targets."""

    title: str
    header: Sequence[str] = ()
    rows: list[Sequence[str]] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    samples: Mapping[str, Sequence[Sample]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "facts": self.facts,
            "medians": {
                name: {item.name: median(samples, item.name) for item in dataclasses.fields(Sample)}
                for name, samples in self.samples.items()
            },
            "samples": {
                name: [dataclasses.asdict(sample) for sample in samples]
                for name, samples in self.samples.items()
            },
            "targets": [
                {**dataclasses.asdict(target), "met": target.met} for target in self.targets
            ],
        }


def compare(
    title: str, samples: Mapping[str, Sequence[Sample]], *, peer: str, floor: str = ""
) -> Section:
    """A section of dumps beside each other: one line for each variant."""
    peer_seconds, peer_size = median(samples[peer]), median(samples[peer], "size")
    header = ["", "seconds (min to max)", "speed beside dbbackup", "memory, MB", "file, MB", "size"]
    if floor:
        header.insert(2, "time beside the floor")
    section = Section(title=title, header=header, samples=samples)
    for name, runs in samples.items():
        seconds, size = median(runs), median(runs, "size")
        every = [sample.seconds for sample in runs]
        row = [name, f"{seconds:.2f} ({min(every):.2f} to {max(every):.2f})"]
        if floor:
            row.append(f"{seconds / median(samples[floor]):.2f} x")
        row += [
            f"{peer_seconds / seconds:.2f} x",
            f"{median(runs, 'memory') / 1e6:.0f}",
            f"{size / 1e6:.0f}" if size else "-",
            f"{size / peer_size:.2f} x" if size else "-",
        ]
        section.rows.append(row)
    return section


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table that is aligned as plain text too; figures are flush right."""
    lines = [list(header), *map(list, rows)]
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    text = []
    for line in (lines[0], rule, *lines[1:]):
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        text.append(f"| {' | '.join(cells)} |")
    return "\n".join(text)


def render(sections: Sequence[Section], machine: Mapping[str, Any]) -> str:
    """All of it as Markdown."""
    where = (
        f"{machine['date']}, {machine['cores']} cores ({machine['processor']}),"
        f" {machine['memory_gb']:.0f} GB, {machine['system']}, Python {machine['python']},"
        f" Django {machine['django']}, django-dbbackup {machine['django_dbbackup']},"
        f" PostgreSQL {machine['postgresql'] or '-'}, SQLite {machine['sqlite']};"
        f" {machine['rounds']} rounds, scale {machine['scale']:g}."
    )
    blocks = [where]
    for section in sections:
        blocks.append(f"### {section.title}")
        if section.rows:
            blocks.append(table(section.header, section.rows))
        blocks += section.notes
    targets = [target.cells() for section in sections for target in section.targets]
    if targets:
        blocks += ["### Targets", table(["", "measured", "target", "met"], targets)]
        if machine["scale"] < 1:
            blocks.append(
                "Targets are meant for scale 1: with less data the start of Python weighs more."
            )
    return "\n\n".join(blocks) + "\n"


def describe_machine(*, rounds: int, scale: float, postgresql: str) -> dict[str, Any]:
    """Where and when this was measured."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "memory_gb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9,
        "kernel": platform.release(),
        "system": f"{_distribution()}, Linux {platform.release()}",
        "python": platform.python_version(),
        "django": version("Django"),
        "django_dbbackup": version("django-dbbackup"),
        "trustbackup": version("trustbackup"),
        "revision": _revision(),
        "isal": version("isal"),
        "psycopg": version("psycopg"),
        "postgresql": postgresql,
        "sqlite": sqlite3.sqlite_version,
        "rounds": rounds,
        "scale": scale,
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _revision() -> str:
    try:
        result = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            cwd=README.parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return result.stdout.strip()


def write_json(path: Path, sections: Sequence[Section], machine: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine, "sections": [section.document() for section in sections]}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def write_readme(text: str) -> None:
    """Put the result between the README's two markers."""
    before, _, rest = README.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")
