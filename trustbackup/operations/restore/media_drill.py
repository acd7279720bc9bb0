"""The drill of an archive of files: unpacked into a private folder, read again, and compared."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from trustbackup.contents.media.compare import differences
from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.context import Context
from trustbackup.operations.progress import Progress, Reporter
from trustbackup.operations.restore.folder_swap import STAMP
from trustbackup.operations.restore.media_plan import members_of
from trustbackup.operations.restore.media_restore import build
from trustbackup.operations.restore.media_source import contents_of
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.durable import free_bytes
from trustbackup.store.manifest import Part


class FolderDrill:
    """The drill of one folder. ``problems`` and ``notes`` are filled by ``run``."""

    def __init__(
        self, context: Context, entry: BackupFiles, part: Part, listing: Part, report: Reporter
    ) -> None:
        self.context, self.entry, self.report = context, entry, report
        self.part, self.listing = part, listing
        self.problems: list[str] = []
        self.notes: list[str] = []

    def run(self) -> float:
        """Unpack, compare, remove; the seconds that recovery took."""
        began = time.monotonic()
        try:
            if self._has_room():
                self._unpack_and_compare()
            else:
                self.notes.append(
                    self._said(
                        _("there is no room to unpack it: it was read through and compared.")
                    )
                )
                self._read_through()
        except TrustbackupError as error:
            self.problems.append(str(error))
        return time.monotonic() - began

    def _has_room(self) -> bool:
        free = free_bytes(self.context.private_folder())
        return free is None or self.part.files is None or free > self.part.files.bytes

    def _unpack_and_compare(self) -> None:
        label = f"{datetime.now(UTC):{STAMP}}-{self.part.part}"
        with self.context.journal.held(label) as workdir:
            folder = workdir / "files"
            build(self.entry, self.part, self.listing, folder, self.report)
            self.report(Progress(stage=f"comparing {self.part.part}"))
            with members_of(self.entry, self.listing) as members:
                self.problems += map(self._said, differences(folder, members))

    def _read_through(self) -> None:
        stage = f"reading {self.part.part}"
        with contents_of(self.entry, self.part, self.listing, stage, self.report) as members:
            for _member, content in members:
                for _block in content:
                    pass

    def _said(self, sentence: str) -> str:
        return joined([self.part.part, sentence], ": ")
