"""Which Pythons, Djangos and drivers there are: what runs them, what CI runs, what a wheel says."""

from __future__ import annotations

import itertools
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts import matrix
from tests.support.sites import CHECKOUT

CELLS = matrix.cells()
REPORT = """<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="2" skipped="3"
 tests="10" time="1.0"></testsuite></testsuites>
"""


def test_no_cell_is_of_versions_that_do_not_go_together() -> None:
    assert [(cell.python, cell.django) for cell in CELLS[::2]] == [
        ("3.11", "5.2"),
        *itertools.product(["3.12", "3.13"], ["5.2", "6.0", "6.1"]),
    ]
    assert {cell.driver for cell in CELLS[::2]} == {"binary"}
    assert {cell.driver for cell in CELLS[1::2]} == {"python"}


def test_ci_runs_every_cell_and_no_other() -> None:
    workflow: Any = yaml.safe_load((CHECKOUT / ".github/workflows/matrix.yml").read_text())
    strategy = workflow["jobs"]["cell"]["strategy"]["matrix"]
    left_out = strategy["exclude"]
    found = [
        matrix.Cell(*names)
        for names in itertools.product(strategy["python"], strategy["django"], strategy["driver"])
        if {"python": names[0], "django": names[1]} not in left_out
    ]
    assert found == CELLS


def test_the_classifiers_name_every_version_and_no_other() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert versions(project, "Programming Language :: Python :: 3.") == {
        python.removeprefix("3.") for python in matrix.PYTHONS
    }
    assert versions(project, "Framework :: Django :: ") == set(matrix.DJANGOS)


def test_the_page_of_versions_has_every_cell() -> None:
    page = (CHECKOUT / "docs/reference/versions.md").read_text()
    for cell in CELLS:
        assert f"| {cell.python} | {cell.django} | {cell.driver} |" in page


def test_a_placeholder_on_the_path_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    placeholder = tmp_path / "bin" / "python3.77"
    real = tmp_path / "pyenv" / "versions" / "3.77.10" / "bin" / "python3"
    older = tmp_path / "pyenv" / "versions" / "3.77.9" / "bin" / "python3"
    for program, text in [
        (placeholder, "echo 'python3.77: command not found' >&2; exit 127"),
        (older, f"echo 3.77 {older}"),
        (real, f"echo 3.77 {real}"),
    ]:
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(placeholder.parent), prepend=":")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setattr(matrix, "MANAGED", {"PYENV_ROOT": (".pyenv", "versions/{version}.*")})
    assert matrix.find_python.__wrapped__("3.77") == str(real)
    assert matrix.find_python.__wrapped__("3.78") is None


def test_an_error_counts_as_a_failure(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    outcome = matrix.read_report(report)
    assert (outcome.passed, outcome.failed, outcome.skipped) == (4, 3, 3)
    assert not outcome.is_good


def test_a_run_without_a_report_or_without_a_test_is_not_good(tmp_path: Path) -> None:
    assert not matrix.read_report(tmp_path / "none.xml").is_good
    assert not matrix.Outcome(skipped=3).is_good
    assert matrix.Outcome(passed=1, skipped=3).is_good


def test_a_missing_python_is_said_and_with_strict_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = {
        "3.12": matrix.Outcome(passed=7),
        "3.13": matrix.Outcome(missing="no Python 3.13 is here"),
    }
    monkeypatch.setattr(matrix, "run", lambda cell, arguments: outcomes[cell.python])
    for options, code in [([], 0), (["--strict"], 1), (["--python", "3.13"], 1)]:
        command = ["matrix.py", "--django", "6.1", "--driver", "python"]
        monkeypatch.setattr(sys, "argv", [*command, *options])
        assert matrix.main() == code
        assert "| 3.13 | 6.1 | python | no Python 3.13 is here | | |" in capsys.readouterr().out


def versions(project: dict[str, Any], prefix: str) -> set[str]:
    return {
        line.removeprefix(prefix)
        for line in project["classifiers"]
        if line.startswith(prefix) and line != prefix
    }
