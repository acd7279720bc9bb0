"""Peak memory of a backup, and of one of twice the data. Doubles what it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.measure import Sample, interleave, median
from benchmarks.report import Section, Target
from benchmarks.site import Site


@dataclass(frozen=True)
class Subject:
    """A database to be measured: ``double`` makes it twice as large; sizes are bytes."""

    engine: str
    site: Site
    size: int
    double: Callable[[], int]


def measure(subjects: list[Subject], rounds: int) -> Section:
    variants = {f"{item.engine}, 1 x": item.site.dump("create_backup") for item in subjects}
    samples = interleave(variants, rounds)
    doubled = {item.engine: item.double() for item in subjects}
    variants = {f"{item.engine}, 2 x": item.site.dump("create_backup") for item in subjects}
    samples |= interleave(variants, rounds)
    section = Section(
        title="Memory of create_backup, when the data doubles",
        header=["", "database, GB", "seconds", "memory, MB (min to max)"],
        samples=samples,
    )
    for item in subjects:
        one, two = (samples[f"{item.engine}, {times} x"] for times in (1, 2))
        for name, size, runs in (("1 x", item.size, one), ("2 x", doubled[item.engine], two)):
            section.rows.append(
                [
                    f"{item.engine}, {name}",
                    f"{size / 1e9:.2f}",
                    f"{median(runs):.2f}",
                    f"{median(runs, 'memory') / 1e6:.1f} ({spread(runs)})",
                ]
            )
        section.targets += [
            Target(
                what=f"{item.engine}: peak memory of the Python process",
                value=max(run.memory for run in [*one, *two]) / 1e6,
                limit=120,
                unit="MB",
            ),
            Target(
                what=f"{item.engine}: more memory for twice the data",
                value=(median(two, "memory") - median(one, "memory")) / 1e6,
                limit=10,
                unit="MB",
            ),
        ]
    return section


def spread(runs: list[Sample]) -> str:
    every = [run.memory / 1e6 for run in runs]
    return f"{min(every):.1f} to {max(every):.1f}"
