"""Case S2: a journal that is genuine, but of another time, moves nothing when it comes back."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Self

from tests.support.backups import make
from tests.support.clusters import Cluster
from tests.support.content import digest
from tests.support.restores import go_on, restore, undo, undoable
from tests.support.sites import Site


class Collector:
    """Keeps every content that a journal's file ever has, as who reads the folder could."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: dict[bytes, str] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._over.wait(0.002):
            for path in self.folder.glob("*.json"):
                try:
                    self.seen.setdefault(path.read_bytes(), path.name)
                except OSError:
                    continue

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def is_there(site: Site, name: str) -> bool:
    if site.database is None:
        return Path(name).stat().st_size > 0
    cluster: Cluster = site.database.cluster
    return len(cluster.execute(f"SELECT 1 FROM pg_database WHERE datname = '{name}'")) == 1


def test_case_s2_a_journal_that_comes_back_drops_no_database_that_was_made(any_site: Site) -> None:
    made = make(any_site)
    name = (
        f"{any_site.database.name}_side" if any_site.database else str(any_site.folder / "side.db")
    )
    with Collector(any_site.backups / ".restores") as collector:
        restore(any_site, made["id"], "--into", name)
    assert is_there(any_site, name)
    assert collector.seen, "the restore was too quick to be watched"
    folder = any_site.backups / ".restores"
    for data, file in collector.seen.items():
        (folder / file).write_bytes(data)
        any_site.manage("list_restores")
        assert is_there(any_site, name), data.decode()
        assert list(folder.glob("*.json")) == []
    if any_site.database:
        any_site.database.cluster.execute(f'DROP DATABASE "{name}"')


KILLED = """
import os, signal
from django.core.management import call_command
from trustbackup.operations.restore import strategies
strategies.end_swap = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
call_command("restore_backup", {backup!r}, "--force")
"""


def test_case_s2_a_journal_that_comes_back_ends_no_other_restore(any_site: Site) -> None:
    """A restore dies after its swap; an earlier one's word that it was swapped is brought back."""
    made = make(any_site)
    with Collector(any_site.backups / ".restores") as collector:
        restore(any_site, made["id"])
    any_site.manage("release_restore", "--yes")
    swapped = {name: data for data, name in collector.seen.items() if b'"swapped"' in data}
    go_on(any_site)
    now = digest(any_site)
    code = KILLED.format(backup=made["id"])
    any_site.manage("shell", "--no-imports", "-c", code, check=False, fresh=True)
    for name, data in swapped.items():
        (any_site.backups / ".restores" / name).write_bytes(data)
    assert swapped or any_site.database, "PostgreSQL leaves no sign"
    said = any_site.manage("list_restores")
    assert "interrupted after its swap: the database is the restored one" in str(said)
    newest = max(undoable(any_site), key=lambda one: str(one["id"]))
    undo(any_site, str(newest["id"]))
    assert digest(any_site) == now
