"""Stand-ins for pg_dump, named in DBBACKUP_CONNECTORS as a site's own choice would be."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.backups import more_settings
from tests.support.postgresql_programs import postgresql_programs
from tests.support.sites import Site

_SLOW = """
import os, pathlib, subprocess, sys, time
real, folder = {real!r}, pathlib.Path({folder!r})
if "--version" in sys.argv:
    os.execv(real, [real, "--version"])
dump = subprocess.Popen([real, *sys.argv[1:]], stdout=subprocess.PIPE, bufsize=0)
os.write(1, os.read(dump.stdout.fileno(), {after}))
(folder / "pid").write_text(str(dump.pid))
(folder / "reached").touch()
while not (folder / "released").exists():
    time.sleep(0.01)
while block := os.read(dump.stdout.fileno(), 65536):
    while block:
        block = block[os.write(1, block):]
code = dump.wait()
os.kill(os.getpid(), -code) if code < 0 else os._exit(code)
"""


@dataclass(frozen=True)
class SlowDumper:
    """The real pg_dump behind a gate: it waits after its first bytes until it is released."""

    folder: Path

    @property
    def reached(self) -> Path:
        """Exists as soon as the first bytes of the dump were passed on."""
        return self.folder / "reached"

    @property
    def pid(self) -> int:
        """The real pg_dump's."""
        return int((self.folder / "pid").read_text())

    def release(self) -> None:
        (self.folder / "released").touch()


def slow_pg_dump(site: Site, *, after: int = 1000) -> SlowDumper:
    """Make the site's dumps wait after so many bytes."""
    dumper = SlowDumper(site.folder / "slow")
    dumper.folder.mkdir()
    real = f"{postgresql_programs()}/pg_dump"
    script = _SLOW.format(real=real, folder=str(dumper.folder), after=after)
    use_dumper(site, python_program(dumper.folder / "pg_dump", script))
    return dumper


def python_program(path: Path, script: str) -> Path:
    """An executable file that runs this script."""
    path.write_text(f"#!{sys.executable} -S\n{script}")
    path.chmod(0o755)
    return path


def use_dumper(site: Site, path: Path) -> None:
    """Let the site name this program in DBBACKUP_CONNECTORS."""
    more_settings(site, f"DBBACKUP_CONNECTORS = {{'default': {{'DUMP_CMD': {str(path)!r}}}}}")
