"""A folder of backups: what lies in it, and what became of each since it was made.

A look costs one listing and a ``stat`` for each file; nothing is read.
"""

from __future__ import annotations

import os
import stat as stat_module
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trustbackup.exceptions import (
    BackupNotFound,
    FolderError,
    file_operation,
)
from trustbackup.phrases import gettext as _
from trustbackup.store import drafts, durable, locks, names, record, removal
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.record import Record
from trustbackup.store.signature import Signer, no_signed_backup, too_many_others

LATEST_MANIFESTS, LATEST_SECONDS = 1000, 60.0
"""So many manifests of others are read, and so long, to find the newest of this site: whoever may
write there can put any number of them before ours."""
_CLOCK = 1.0
"""Seconds that a file system's clock may be behind."""


@dataclass(frozen=True)
class BackupFolder:
    """A folder, and who signs what is written there."""

    root: Path
    signer: Signer

    def scan(self) -> dict[str, BackupFiles]:
        """What lies there, by id; nothing that is unfinished, no link, no foreign file.

        An absent folder is empty. Raises FolderError when it can't be read.
        """
        found: dict[str, BackupFiles] = {}
        began = time.time()
        hidden = drafts.unfinished(self.root)
        try:
            listing = os.scandir(self.root)
        except FileNotFoundError:
            return found
        except OSError:
            with file_operation(_("Listing the backup folder"), self.root):
                raise
        with listing:
            for item in listing:
                parsed = names.parse(item.name)
                if parsed is None or parsed.id in hidden:
                    continue
                try:
                    status = item.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat_module.S_ISREG(status.st_mode):
                    backup = found.get(parsed.id)
                    if backup is None:
                        backup = found[parsed.id] = BackupFiles(self, parsed.id)
                    backup.add(item.name, status, is_data=parsed.is_data)
        self._look_again(found, began)
        return {key: item for key, item in found.items() if item.has_manifest or item.data_files}

    def _look_again(self, found: dict[str, BackupFiles], began: float) -> None:
        """What was published or deleted while the folder was listed was seen in part only."""
        doubtful = {
            key
            for key, item in found.items()
            if not item.has_manifest or item.changed > began - _CLOCK
        }
        if not doubtful:
            return
        hidden = drafts.unfinished(self.root)
        listed: dict[str, list[str]] = {key: [] for key in doubtful}
        for name in os.listdir(self.root):
            if (parsed := names.parse(name)) and parsed.id in doubtful:
                listed[parsed.id].append(name)
        for key in doubtful:
            found[key] = found[key].as_it_is(listed[key])
            if key in hidden and not found[key].has_manifest:
                del found[key]

    def find(self, reference: str, found: dict[str, BackupFiles] | None = None) -> BackupFiles:
        """The backup that an id, ``latest`` or one of its file names means.

        Raises BackupNotFound. ``latest`` is the newest one that this site signed and that holds
        databases: no other stands for the site. ``found`` is what a look just before has found.
        """
        found = self.scan() if found is None else found
        if reference == "latest":
            return self._latest(found)
        parsed = names.parse(reference)
        for key in (reference, reference.removeprefix(names.PREFIX), parsed.id if parsed else ""):
            if key in found:
                return found[key]
        raise BackupNotFound(
            _(
                "There is no backup %(reference)r in %(root)s",
                reference=reference[:200],
                root=self.root,
            ),
            todo=_("See list_backups for those that are there."),
        )

    def _latest(self, found: dict[str, BackupFiles]) -> BackupFiles:
        """What somebody else put there never passes for the newest, however it is dated."""
        named = [key for key in found if found[key].has_manifest]
        until = time.monotonic() + LATEST_SECONDS
        others = False
        for number, key in enumerate(sorted(named, key=names.order, reverse=True)):
            if number == LATEST_MANIFESTS or time.monotonic() > until:
                raise too_many_others(str(self.root), number)
            if found[key].is_ours():
                if found[key].read_manifest()[0].holds_databases:
                    return found[key]
                others = True
        if others:
            raise BackupNotFound(
                _("There is no backup of a database in %(root)s", root=self.root),
                todo=_("Make one with create_backup, or name the backup that you mean."),
            )
        if found:
            raise no_signed_backup(str(self.root), len(found))
        raise BackupNotFound(
            _("There is no backup in %(root)s", root=self.root),
            todo=_("Make one with create_backup."),
        )

    def draft(self, moment: datetime) -> AbstractContextManager[drafts.Draft]:
        """A new backup, made at ``moment`` (UTC). Raises FolderError."""
        return drafts.begin(self.root, moment)

    def draft_as(self, identifier: str) -> AbstractContextManager[drafts.Draft]:
        """A backup that has its id already. Raises FolderError, Busy if that is taken."""
        return drafts.begin_as(self.root, identifier)

    def record(self, identifier: str) -> Record:
        """What became of a backup; an empty record when there is none that can be read."""
        try:
            data = durable.read_small(self.root / names.record_name(identifier), record.LARGEST)
        except FolderError:
            return Record()
        return record.load(data, identifier, self.signer)

    def change(self, identifier: str, changed: Callable[[Record], Record]) -> None:
        """Change the record of a backup that has a manifest, while nobody else does.

        Raises BackupNotFound when it is not there any more, Busy while it is being deleted,
        FolderError.
        """
        durable.prepare_root(self.root)
        with removal.in_use(self.root, identifier, names.manifest_name(identifier)):
            self.change_held(identifier, changed)

    def change_held(self, identifier: str, changed: Callable[[Record], Record]) -> None:
        """The same for who holds the backup's lock. Raises FolderError."""
        with locks.exclusive(locks.records_lock(self.root), wait=locks.FOREVER):
            before = self.record(identifier)
            if (after := changed(before)) != before:
                data = record.render(identifier, after, self.signer)
                durable.replace_file(self.root, self.root / names.record_name(identifier), data)
