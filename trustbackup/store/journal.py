"""The journal of restores: what is under way, what was swapped, what can be undone.

One signed file a restored database, in ``ROOT/.restores``. It is written before the first
database is made and locked by its writer as long as that lives, so that the next command
knows after a crash what to look for. It stays while the old database is kept.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from trustbackup.exceptions import FolderError, ManifestError, file_operation
from trustbackup.phrases import gettext as _
from trustbackup.store import durable, journal_entry, locks
from trustbackup.store.folder import BackupFolder
from trustbackup.store.journal_entry import JournalEntry, State, Strategy
from trustbackup.store.locks import RESTORES

_LARGEST = 64 << 10
"""Bytes; no entry of ours comes near."""


class JournalWriter:
    """An entry that is being written; ``update()`` makes each step durable."""

    def __init__(self, journal: RestoreJournal, entry: JournalEntry) -> None:
        self.entry = entry
        self.ended = False
        """Whether it is finished or forgotten: there is nothing left to recover."""
        self._journal = journal

    def update(self, **changes: Any) -> None:  # noqa: ANN401 - fields of JournalEntry
        self.entry = replace(self.entry, **changes)
        data = journal_entry.dump(self.entry, self._journal.signer)
        durable.replace_file(self._journal.root, self._journal.path(self.entry.id), data)

    def finish(self) -> None:
        """The swap is done, and the old database is kept.

        An undo takes the place of the restore that it undid: what that one kept is live.
        """
        if self.entry.strategy is Strategy.UNDO:
            self._journal.forget_previous(self.entry)
        self.update(state=State.DONE)
        self.ended = True

    def forget(self) -> None:
        path = self._journal.path(self.entry.id)
        with file_operation(_("Removing"), path):
            path.unlink(missing_ok=True)
        self.ended = True


class RestoreJournal:
    """The journal of the restores of one backup folder."""

    def __init__(self, folder: BackupFolder) -> None:
        self.root = folder.root
        self.signer = folder.signer

    def path(self, identifier: str) -> Path:
        return self.root / RESTORES / f"{identifier}.json"

    def writer(self, entry: JournalEntry) -> JournalWriter:
        return JournalWriter(self, entry)

    def folder(self) -> Path:
        """The private folder of the journal, made if need be. Raises FolderError."""
        return folder(self.root)

    @contextlib.contextmanager
    def held(self, identifier: str) -> Iterator[Path]:
        """Show that the writer of this entry lives; yields a private folder for its work."""
        self.folder()
        work = self._work(identifier)
        with locks.exclusive(locks.writer_lock(self.root, identifier), wait=locks.FOREVER):
            with file_operation(_("Making a private folder"), work):
                work.mkdir(mode=0o700)
            try:
                yield work
            finally:
                self._forget_work(identifier)

    @contextlib.contextmanager
    def abandoned(self, identifier: str) -> Iterator[JournalEntry | None]:
        """The unfinished entry whose writer is dead; nobody else may recover it meanwhile.

        It is read under the writer's lock: what was read before may have been finished since.
        None while the writer lives, and when nothing readable is unfinished. What a dead
        writer left of its work is removed then.
        """
        self.folder()
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(locks.exclusive(locks.writer_lock(self.root, identifier)))
            except locks.Locked:
                yield None
                return
            yield self._unfinished(identifier)
            self._forget_work(identifier)

    def _unfinished(self, identifier: str) -> JournalEntry | None:
        with contextlib.suppress(ManifestError, FolderError):
            entry = self._load(identifier)
            return entry if entry.state is not State.DONE else None
        return None

    def _work(self, identifier: str) -> Path:
        return self.root / RESTORES / f"{identifier}.work"

    def _forget_work(self, identifier: str) -> None:
        shutil.rmtree(self._work(identifier), ignore_errors=True)
        (self.root / RESTORES / f"{identifier}.alive").unlink(missing_ok=True)

    def begun(self) -> list[str]:
        """The ids of all that is under way, or whose writer died before its first entry."""
        return self._names(".alive")

    def forget_previous(self, undo: JournalEntry) -> None:
        """Forget the restore whose old database this undo has made the live one."""
        for entry in self.entries():
            if entry.previous == undo.new and entry.alias == undo.alias:
                JournalWriter(self, entry).forget()

    def entries(self) -> list[JournalEntry]:
        """Every entry that this site wrote, oldest first."""
        found, _problems = self.read()
        return found

    def read(self) -> tuple[list[JournalEntry], list[ManifestError | FolderError]]:
        """Every entry that this site wrote, oldest first, and why others are not followed."""
        found: list[JournalEntry] = []
        problems: list[ManifestError | FolderError] = []
        for identifier in self._names(".json"):
            try:
                found.append(self._load(identifier))
            except (ManifestError, FolderError) as error:
                if self.path(identifier).is_symlink() or self.path(identifier).exists():
                    problems.append(error)
        return sorted(found, key=lambda entry: (entry.started, entry.id)), problems

    def _load(self, identifier: str) -> JournalEntry:
        path = self.path(identifier)
        with durable.open_regular(path) as file, file_operation(_("Reading"), path):
            data = file.read(_LARGEST)
        return journal_entry.load(data, identifier, self.signer)

    def _names(self, suffix: str) -> list[str]:
        with contextlib.suppress(OSError):
            listing = os.listdir(self.root / RESTORES)
            return sorted(name.removesuffix(suffix) for name in listing if name.endswith(suffix))
        return []

    def find(self, identifier: str = "") -> list[JournalEntry]:
        """What can be undone of the restore with this id, of itself or of one of its databases.

        Without ``identifier`` of the newest restore, but not of an undo: that would only
        bring back what was undone. Raises FolderError, and ManifestError for an entry that
        this site did not write.
        """
        entries = [entry for entry in self.entries() if entry.undoable]
        if identifier:
            wanted = {entry.restore for entry in entries if identifier in (entry.id, entry.restore)}
            if not wanted and self._is_ours_to_read(identifier):
                self._load(identifier)
        else:
            wanted = {entry.restore for entry in entries[-1:]}
        found = [entry for entry in entries if entry.restore in wanted]
        if not found:
            raise FolderError(
                _("There is no restore %(id)r to undo or release", id=identifier)
                if identifier
                else _("There is no restore to undo or release"),
                why=_("no old database is kept for it"),
                todo=_("See list_restores for those that can."),
            )
        return found

    def _is_ours_to_read(self, identifier: str) -> bool:
        return identifier in self._names(".json")


def folder(root: Path) -> Path:
    """The private folder of the journal and of its locks, made if need be. Raises FolderError."""
    durable.prepare_root(root)
    path = root / RESTORES
    durable.make_folder(path)
    return path
