"""The site that is measured: manage.py with the benchmark's settings, in folders of its own."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Sample, run

CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Site:
    """A site on one database, with a folder for its backups and one for the peer's."""

    folder: Path
    database_url: str

    def __post_init__(self) -> None:
        for path in (self.backups, self.peer, self.folder / "tmp"):
            path.mkdir(parents=True, exist_ok=True)

    @property
    def backups(self) -> Path:
        return self.folder / "backups"

    @property
    def peer(self) -> Path:
        return self.folder / "peer"

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of a command: nothing of the developer's own but PATH."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder / "tmp"),
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(CHECKOUT),
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "DATABASE_URL": self.database_url,
            "MEDIA_ROOT": str(self.folder / "media"),
            "TRUSTBACKUP_ROOT": str(self.backups),
            "BENCHMARK_PEER_ROOT": str(self.peer),
        }

    def manage(self, *arguments: str, stdout: Path | None = None) -> Sample:
        """Measure one management command."""
        argv = [sys.executable, str(CHECKOUT / "manage.py"), *arguments]
        return run(argv, self.environment, stdout)

    def dump(self, *arguments: str) -> Callable[[], Sample]:
        """A variant: a command that makes a backup, which is weighed and thrown away."""
        return lambda: self.weighed(self.manage(*arguments))

    def weighed(self, sample: Sample) -> Sample:
        """The sample with the size of what was written, which is then removed."""
        size = 0
        for folder in (self.backups, self.peer):
            size += sum(path.stat().st_size for path in folder.glob("*") if path.is_file())
            shutil.rmtree(folder)
            folder.mkdir()
        return Sample(seconds=sample.seconds, cpu=sample.cpu, memory=sample.memory, size=size)
