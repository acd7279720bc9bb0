"""The benchmark measures what it says; its figures themselves are not tested."""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks import data, report
from benchmarks.measure import BenchmarkError, Sample, interleave, median, run
from benchmarks.report import Section, Target


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "TMPDIR": str(folder)}


def test_it_tells_the_time_and_the_memory_of_a_program(tmp_path: Path) -> None:
    code = "import time; block = b'x' * 150_000_000; time.sleep(0.2)"

    sample = run([sys.executable, "-c", code], environment(tmp_path))

    assert sample.seconds >= 0.2
    assert 150e6 < sample.memory < 250e6
    assert list(tmp_path.iterdir()) == []


def test_its_own_memory_is_not_taken_for_the_programs(tmp_path: Path) -> None:
    block = b"x" * 150_000_000

    sample = run([sys.executable, "-S", "-c", "pass"], environment(tmp_path))

    assert sample.memory < 50e6 < len(block)


def test_a_program_that_fails_ends_it_with_what_was_said(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="no room"):
        run([sys.executable, "-c", "raise SystemExit('no room')"], environment(tmp_path))


def test_the_variants_take_turns() -> None:
    order = []

    def variant(name: str) -> Sample:
        order.append(name)
        return Sample(seconds=len(order))

    samples = interleave({"a": lambda: variant("a"), "b": lambda: variant("b")}, 3)

    assert order == ["a", "b"] * 3
    assert median(samples["b"]) == 4


@pytest.mark.parametrize(
    ("value", "at_least", "met"), [(1.2, False, True), (1.3, False, False), (1.3, True, True)]
)
def test_a_target_is_met_or_not(value: float, at_least: bool, met: bool) -> None:
    target = Target(what="a dump", value=value, limit=1.25, at_least=at_least)

    assert target.met is met
    assert ("**no**" in target.cells()) is not met


def test_the_readme_gets_the_result_between_its_markers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(report.README.read_text())
    monkeypatch.setattr(report, "README", readme)
    machine = report.describe_machine(rounds=5, scale=1.0, postgresql="15.0")
    section = Section(title="Dumps", header=["", "seconds"], rows=[["ours", "1.00"]])

    for _again in range(2):
        report.write_readme(report.render([section], machine))

    text = readme.read_text()
    assert text.count("### Dumps") == 1
    assert "| ours |" in text
    assert text.startswith("# Benchmarks")


def test_the_tables_are_made_and_doubled(tmp_path: Path) -> None:
    path = tmp_path / "bench.sqlite3"

    data.fill_sqlite(path, 100)
    data.double_sqlite(path)

    with closing(sqlite3.connect(path)) as connection:
        rows = [
            connection.execute(f"SELECT count(*), count(DISTINCT id) FROM {table}").fetchone()
            for table in ("bench_order", "bench_token")
        ]
    assert rows == [(200, 200), (40, 40)]
