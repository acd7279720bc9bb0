"""Run the tests on every version of Python and Django, with psycopg's C part and without it.

Each Python has one virtual environment in .venv/matrix, in which Django and psycopg change from
cell to cell. What a machine lacks is said and left out; with --strict it is a failure.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
PLACE = CHECKOUT / ".venv" / "matrix"
PYTHONS = ("3.11", "3.12", "3.13")
DJANGOS = {"5.2": "3.10", "6.0": "3.12", "6.1": "3.12"}
"""Each with the oldest Python that it runs on."""
DRIVERS = ("binary", "python")
"""psycopg as C, and as Python alone on the system's libpq."""
MANAGED = {
    "PYENV_ROOT": (".pyenv", "versions/{version}.*"),
    "UV_PYTHON_INSTALL_DIR": (".local/share/uv/python", "cpython-{version}.*"),
    "MISE_DATA_DIR": (".local/share/mise", "installs/python/{version}.*"),
    "ASDF_DATA_DIR": (".asdf", "installs/python/{version}.*"),
}
"""Where version managers keep their Pythons: the variable, the folder without it, and below it."""


@dataclass(frozen=True, order=True)
class Cell:
    """One combination of versions."""

    python: str
    django: str
    driver: str

    def __str__(self) -> str:
        return f"Python {self.python}, Django {self.django}, psycopg {self.driver}"


@dataclass
class Outcome:
    """What became of a cell: numbers of tests, or why there are none."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    missing: str = ""

    @property
    def is_good(self) -> bool:
        return not self.failed and self.passed > 0


def cells() -> list[Cell]:
    """Every combination that can be installed, the oldest first."""
    return [
        Cell(python, django, driver)
        for python, django, driver in itertools.product(PYTHONS, DJANGOS, DRIVERS)
        if _number(python) >= _number(DJANGOS[django])
    ]


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


@cache
def find_python(version: str) -> str | None:
    """The program of this Python: by its name, else where version managers keep theirs.

    A name on the PATH may be a version manager's placeholder, so each is asked what it is.
    """
    candidates = list(filter(None, [shutil.which(f"python{version}")]))
    for variable, (folder, pattern) in MANAGED.items():
        root = Path(os.environ.get(variable) or Path.home() / folder)
        found = root.glob(pattern.format(version=version) + "/bin/python3")
        candidates += sorted(map(str, found), key=_by_patch, reverse=True)
    question = "import sys, ensurepip, venv; print('%d.%d' % sys.version_info[:2], sys.executable)"
    for program in candidates:
        try:
            told = subprocess.run(
                [program, "-c", question],
                capture_output=True,
                check=False,
                text=True,
                timeout=30,
            )
        except OSError:
            continue
        number, _space, executable = told.stdout.strip().partition(" ")
        if told.returncode == 0 and number == version:
            return executable
    return None


def _by_patch(path: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", Path(path).parents[1].name)]


def prepare(cell: Cell) -> Path:
    """The Python of a cell's environment, with its packages. Raises CalledProcessError."""
    folder = PLACE / cell.python
    python = folder / "bin" / "python"
    pins = PLACE / f"constraints-{cell.python}.txt"
    PLACE.mkdir(parents=True, exist_ok=True)
    lines = (CHECKOUT / "constraints.txt").read_text().splitlines()
    pins.write_text("\n".join(line for line in lines if not line.startswith("Django==")) + "\n")
    if not python.exists():
        found = find_python(cell.python)
        assert found is not None
        subprocess.run([found, "-m", "venv", "--clear", str(folder)], check=True)
    # pip leaves what is there already, so that only what differs from the last cell is installed.
    _pip(python, pins, "install", "-e", f"{CHECKOUT}[dev]", f"Django=={cell.django}.*")
    if cell.driver == "python":
        _pip(python, pins, "uninstall", "--yes", "psycopg-binary")
    return python


def _pip(python: Path, pins: Path, *command: str) -> None:
    subprocess.run(
        [str(python), "-m", "pip", "-qq", "--disable-pip-version-check", "--no-input", *command],
        env=os.environ | {"PIP_CONSTRAINT": str(pins), "PIP_BUILD_CONSTRAINT": str(pins)},
        check=True,
    )


def run(cell: Cell, arguments: list[str]) -> Outcome:
    """Prepare a cell and run pytest in it."""
    if find_python(cell.python) is None:
        return Outcome(missing=f"no Python {cell.python} is here")
    try:
        python = prepare(cell)
    except subprocess.CalledProcessError:
        return Outcome(missing="its packages could not be installed: see pip's message above")
    report = PLACE / "report.xml"
    report.unlink(missing_ok=True)
    command = [str(python), "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report}"]
    subprocess.run([*command, *arguments], cwd=CHECKOUT, check=False)
    return read_report(report)


def read_report(report: Path) -> Outcome:
    """The numbers of tests in pytest's JUnit file; an error counts as a failure."""
    if not report.exists():
        return Outcome(missing="pytest ended without a report: see its message above")
    number = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for suite in ET.parse(report).iter("testsuite"):
        for name in number:
            number[name] += int(suite.get(name, "0"))
    failed = number["failures"] + number["errors"]
    passed = number["tests"] - failed - number["skipped"]
    return Outcome(passed=passed, failed=failed, skipped=number["skipped"])


def table(outcomes: dict[Cell, Outcome]) -> str:
    """The outcomes as a Markdown table."""
    lines = [
        "| Python | Django | psycopg | passed | failed | skipped |",
        "| --- | --- | --- | ---: | ---: | ---: |",
    ]
    for cell, outcome in outcomes.items():
        head = f"| {cell.python} | {cell.django} | {cell.driver} |"
        if outcome.missing:
            lines.append(f"{head} {outcome.missing} | | |")
        else:
            lines.append(f"{head} {outcome.passed} | {outcome.failed} | {outcome.skipped} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--python", choices=PYTHONS, help="only this Python")
    parser.add_argument("--django", choices=list(DJANGOS), help="only this Django")
    parser.add_argument("--driver", choices=DRIVERS, help="only this psycopg")
    parser.add_argument("--strict", action="store_true", help="a missing Python is a failure")
    parser.add_argument(
        "tests", nargs=argparse.REMAINDER, help="after --: pytest's arguments, not the quick tier"
    )
    options = parser.parse_args()
    arguments = [item for item in options.tests if item != "--"]
    arguments = arguments or ["-n", "auto", "--dist", "worksteal", "--in-process", "-q"]
    chosen = [
        cell
        for cell in cells()
        if options.python in {None, cell.python}
        and options.django in {None, cell.django}
        and options.driver in {None, cell.driver}
    ]
    if not chosen:
        parser.error(f"Django {options.django} needs Python {DJANGOS[options.django]} or newer")
    outcomes: dict[Cell, Outcome] = {}
    for cell in chosen:
        print(f"==> {cell}", flush=True)
        outcomes[cell] = run(cell, arguments)
    print(table(outcomes))
    wanted = [o for o in outcomes.values() if options.strict or not o.missing]
    return 0 if wanted and all(outcome.is_good for outcome in wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
