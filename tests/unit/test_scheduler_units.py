"""The units that the how-to shows are such as systemd takes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sites import CHECKOUT

TEXT = (CHECKOUT / "docs/how-to/schedule.md").read_text()
UNITS = dict(
    re.findall(r"`/etc/systemd/system/([\w.-]+)`:\n\n```ini\n(.*?)```", TEXT, re.DOTALL),
)


def test_the_page_shows_three_units() -> None:
    assert sorted(UNITS) == ["trustbackup-loop.service", "trustbackup.service", "trustbackup.timer"]


def verify(folder: Path, name: str, units: dict[str, str]) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    python = "/srv/shop/.venv/bin/python"
    for unit, text in units.items():
        (folder / unit).write_text(text.replace(python, sys.executable))
    return subprocess.run(
        [program, "verify", "--man=no", str(folder / name)],
        capture_output=True,
        text=True,
        check=False,
        env={"SYSTEMD_UNIT_PATH": f"{folder}:", "PATH": "/usr/bin:/bin"},
    )


@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_the_units_without_a_word(name: str, tmp_path: Path) -> None:
    result = verify(tmp_path, name, UNITS)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_systemd_would_say_so_if_a_unit_were_wrong(tmp_path: Path) -> None:
    name = "trustbackup.timer"
    wrong = UNITS[name].replace("OnCalendar=*:0/5", "OnCalendar=every five minutes")
    result = verify(tmp_path, name, {**UNITS, name: wrong})
    assert result.returncode != 0 or result.stderr
