"""Languages of a server and a system: locales made for the run, nothing changed on the machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.run import once, run_folder

LOCALES = {"de_DE.UTF-8": "de_DE", "tr_TR.UTF-8": "tr_TR"}


def locale_folder() -> str:
    """What LOCPATH is set to, so that a program finds these locales."""
    folder: str = once("locales", _build)
    return folder


def turkish() -> dict[str, str]:
    """The environment of a system that speaks Turkish."""
    return {"LC_ALL": "tr_TR.UTF-8", "LANGUAGE": "tr:de", "LOCPATH": locale_folder()}


def _build() -> str:
    folder = run_folder() / "locales"
    folder.mkdir()
    for name, source in LOCALES.items():
        command = ["localedef", "--no-archive", "-i", source, "-f", "UTF-8", str(folder / name)]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return str(Path(folder))
