"""The journal of restores: what is under way, what was swapped, what can be undone.

One file a restore, in ``ROOT/.restores``. It is written before the first database is made
and locked by its writer as long as that lives, so that whoever comes after a crash knows
what to look for. It stays while the old database is kept.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from trustbackup.exceptions import FolderError, file_operation
from trustbackup.phrases import gettext as _
from trustbackup.store import durable

FOLDER = ".restores"
BUILDING = "building"
SWAPPING = "swapping"
DONE = "done"
NOT_YET = "-"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One restore of one database. ``started`` is ISO 8601 in UTC."""

    id: str
    alias: str
    backup: str
    strategy: str
    new: str
    kept: str
    started: str
    state: str = BUILDING
    marker: str = NOT_YET
    """The engine's own sign by which it knows, after a crash, what had happened."""
    rows: int = 0

    @property
    def undoable(self) -> bool:
        return self.state == DONE and self.kept != ""


class Journal:
    """An entry that is being written; ``update()`` makes each step durable."""

    def __init__(self, root: Path, entry: Entry) -> None:
        self.entry = entry
        self._root = root
        self._path = root / FOLDER / f"{entry.id}.json"

    def update(self, **changes: Any) -> None:  # noqa: ANN401 - fields of Entry
        self.entry = replace(self.entry, **changes)
        data = json.dumps(asdict(self.entry), indent=1, ensure_ascii=False)
        durable.replace_file(self._root, self._path, data.encode() + b"\n")

    def finish(self) -> None:
        """The swap is done, and the old database is kept.

        An undo takes the place of the restore that it undid: what that one kept is live.
        """
        if self.entry.strategy == "undo":
            forget_kept(self._root, self.entry.new)
        self.update(state=DONE)

    def forget(self) -> None:
        with file_operation(_("Removing"), self._path):
            self._path.unlink(missing_ok=True)


@contextlib.contextmanager
def _flock(path: Path, mode: int) -> Iterator[bool]:
    """Hold a lock file; False when somebody else does, or removed it meanwhile.

    Its holder's death frees it.
    """
    with file_operation(_("Opening the lock"), path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, mode)
        except BlockingIOError:
            yield False
        else:
            yield path.exists() and os.path.samestat(os.fstat(descriptor), path.stat())
    finally:
        os.close(descriptor)


def folder(root: Path) -> Path:
    """The private folder of the journal, made if need be. Raises FolderError."""
    durable.prepare_root(root)
    path = root / FOLDER
    with file_operation(_("Making the folder"), path):
        path.mkdir(mode=0o700, exist_ok=True)
    return path


@contextlib.contextmanager
def locked(root: Path, alias: str, use: str = "") -> Iterator[bool]:
    """The lock of an alias's restores, or of another use: False when somebody alive holds it."""
    with _flock(folder(root) / _lock_name(alias, use), fcntl.LOCK_EX | fcntl.LOCK_NB) as mine:
        yield mine


def is_locked(root: Path, alias: str) -> bool:
    """Whether somebody alive holds that lock, found out without touching anything."""
    try:
        with durable.open_regular(root / FOLDER / _lock_name(alias)) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FolderError:
        return False
    return False


def _lock_name(alias: str, use: str = "") -> str:
    safe = "".join(c if c.isalnum() else f"_{ord(c):x}_" for c in alias)
    return f"{safe}.{use}.lock" if use else f"{safe}.lock"


@contextlib.contextmanager
def held(root: Path, identifier: str) -> Iterator[Path]:
    """Show that the writer of this entry lives; yields a private folder for its work."""
    path = folder(root) / f"{identifier}.alive"
    work = _work(root, identifier)
    with contextlib.ExitStack() as stack:
        while not stack.enter_context(_flock(path, fcntl.LOCK_EX)):
            pass
        with file_operation(_("Making a private folder"), work):
            work.mkdir(mode=0o700)
        try:
            yield work
        finally:
            _forget_work(root, identifier)


@contextlib.contextmanager
def abandoned(root: Path, identifier: str) -> Iterator[bool]:
    """Whether the writer of this entry is dead; nobody else may settle it meanwhile.

    What it left of its work is removed then.
    """
    path = folder(root) / f"{identifier}.alive"
    with _flock(path, fcntl.LOCK_EX | fcntl.LOCK_NB) as dead:
        yield dead and (root / FOLDER / f"{identifier}.json").exists()
        if dead:
            _forget_work(root, identifier)


def _work(root: Path, identifier: str) -> Path:
    return root / FOLDER / f"{identifier}.work"


def _forget_work(root: Path, identifier: str) -> None:
    shutil.rmtree(_work(root, identifier), ignore_errors=True)
    (root / FOLDER / f"{identifier}.alive").unlink(missing_ok=True)


def begun(root: Path) -> list[str]:
    """The ids of everything that is under way, or whose writer died before its first entry."""
    with contextlib.suppress(OSError):
        listing = os.listdir(root / FOLDER)
        return sorted(name.removesuffix(".alive") for name in listing if name.endswith(".alive"))
    return []


def forget_kept(root: Path, kept: str) -> None:
    """Forget the entries whose old database has this name: it was swapped back."""
    for entry in read_all(root):
        if entry.kept == kept:
            Journal(root, entry).forget()


def read_all(root: Path) -> list[Entry]:
    """Every entry, oldest first; what can't be read is left out."""
    entries = []
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(root / FOLDER)):
            if name.endswith(".json"):
                with contextlib.suppress(OSError, ValueError, TypeError):
                    entries.append(Entry(**json.loads((root / FOLDER / name).read_bytes())))
    return sorted(entries, key=lambda entry: (entry.started, entry.id))


def find(root: Path, identifier: str = "") -> Entry:
    """The entry with this id, or the newest that can be undone. Raises FolderError."""
    entries = [entry for entry in read_all(root) if entry.undoable]
    if identifier:
        entries = [entry for entry in entries if entry.id == identifier]
    if not entries:
        raise FolderError(
            _("There is no restore %(id)r to undo or release", id=identifier)
            if identifier
            else _("There is no restore to undo or release"),
            why=_("no old database is kept for it"),
            todo=_("See list_restores for those that can."),
        )
    return entries[-1]
