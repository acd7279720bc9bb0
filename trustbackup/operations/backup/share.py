"""A dump that is there already, as a backup of another plan: nothing is dumped twice."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from trustbackup.exceptions import BackupNotFound, file_operation
from trustbackup.operations.context import Context
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.phrases import gettext as _
from trustbackup.store import drafts
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.durable import open_regular
from trustbackup.store.manifest import Manifest
from trustbackup.store.objects import FORMAT, naming_objects
from trustbackup.store.plan_note import PlanNote
from trustbackup.store.sealed_manifest import dump
from trustbackup.store.signature import Signature

logger = logging.getLogger(__name__)


def share_backup(identifier: str, *, plan: PlanNote, report: Reporter = quiet) -> Manifest:
    """Publish the data of a backup once more, as a backup of this plan's.

    Both have their own manifest, their own rules and their own end. Their files are one on the
    disk where the file system has hard links, else copies. Raises BackupNotFound where the data
    is not here, whole, and this site's; FolderError.
    """
    context = Context.current()
    with context.folder.find(identifier).in_use() as entry:
        found, signature = entry.read_manifest()
        if signature is not Signature.OURS or entry.missing(found):
            raise BackupNotFound(
                _("Backup %(id)s can't be shared", id=found.id), why=_("it is not whole here")
            )
        with context.folder.draft(found.created) as draft, ExitStack() as stack:
            if any(part.format == FORMAT for part in found.parts):
                stack.enter_context(naming_objects(draft.root))
            parts = []
            for part in found.parts:
                report(Progress(stage=f"sharing the dump of {part.part}"))
                name = part.file.replace(found.id, draft.id, 1)
                _take(entry, part.file, draft, name)
                parts.append(replace(part, file=name))
            manifest = replace(
                found, id=draft.id, trigger="plan", plan=plan, parts=tuple(parts), signature={}
            )
            draft.publish(dump(manifest, context.signer))
    logger.info("Backup %s was made of the dump of %s.", manifest.id, found.id)
    return manifest


def _take(entry: BackupFiles, file: str, draft: drafts.Draft, name: str) -> None:
    source, beside = entry.root / file, draft.folder / "shared"
    with contextlib.suppress(OSError):  # not every file system has hard links
        os.link(source, beside, follow_symlinks=False)
        draft.take(beside, name)
        return
    _copy(source, draft, name)


def _copy(source: Path, draft: drafts.Draft, name: str) -> None:
    with (
        file_operation(_("Copying"), source),
        open_regular(source) as stored,
        draft.create(name) as target,
    ):
        shutil.copyfileobj(stored, target, 1 << 20)
