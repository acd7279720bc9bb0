"""A backup's files as an email takes them along: encrypted ones alone, and none above its limit.

Mail is read on its way and lies in many places: what is not encrypted never goes, whatever a route
asks for. A file is known to be encrypted by its first bytes and to be the backup's by its hash,
never by its name.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from trustbackup.conf import get_settings
from trustbackup.events import Event, EventKind
from trustbackup.exceptions import FolderError, ManifestError, TrustbackupError
from trustbackup.notifications.channel import AttachedFile
from trustbackup.phrases import Grouped
from trustbackup.phrases import gettext as _
from trustbackup.store import age, manifest, names, sealed_manifest
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.durable import read_small
from trustbackup.store.folder import BackupFolder
from trustbackup.store.signature import Signature, Signer

_ENDS = (EventKind.SUCCESS, EventKind.PARTIAL)


@dataclass(frozen=True)
class Attached:
    """What goes along, and a sentence about it: what it is, or why there is nothing."""

    files: tuple[AttachedFile, ...] = ()
    sentence: str = ""


NOTHING = Attached()
REFUSED = Attached(
    sentence=_("The backup is not attached: the mail server takes no message that is so large.")
)


def attached_to(event: Event, limit: int) -> Attached:
    """The files of the backup that ``event`` says was made, of at most ``limit`` bytes in all."""
    made = event.kind in _ENDS and event.detail.get("action") == "create" and event.subject
    outcome = event.detail.get("outcome")
    if not limit or not made or (isinstance(outcome, dict) and outcome.get("unchanged")):
        return NOTHING
    settings = get_settings()
    folder = BackupFolder(settings.backup_dir, Signer(settings.secret_keys))
    try:
        with folder.find(event.subject).in_use() as backup:
            return _files(backup, limit)
    except TrustbackupError as error:
        return _left_out(error.sentence)


def _files(backup: BackupFiles, limit: int) -> Attached:
    """Raises TrustbackupError."""
    found, signature = backup.read_manifest()
    if signature is not Signature.OURS or not found.recipients:
        return _left_out(_("it is not encrypted."))
    own = names.manifest_name(backup.id)
    size = sum(part.bytes for part in found.parts) + backup.files[own]
    if size > limit:
        return _left_out(
            _(
                "it has %(size)s bytes, more than %(limit)s.",
                size=Grouped(size),
                limit=Grouped(limit),
            )
        )
    description = read_small(backup.root / own, manifest.LARGEST)
    if sealed_manifest.SEALED not in manifest.read_document(description):
        raise ManifestError(_("%(name)s is not encrypted", name=own))
    files = [_file(backup.root / part.file, part.sha256, part.bytes) for part in found.parts]
    return Attached(
        files=(AttachedFile(own, description), *files),
        sentence=_("The encrypted backup is attached (%(size)s bytes).", size=Grouped(size)),
    )


def _file(path: Path, digest: str, size: int) -> AttachedFile:
    """Raises FolderError."""
    data = read_small(path, size)
    if not age.is_encrypted(data) or hashlib.sha256(data).hexdigest() != digest:
        raise FolderError(_("%(name)s is not what its manifest says", name=path.name))
    return AttachedFile(path.name, data)


def _left_out(why: str) -> Attached:
    return Attached(sentence=_("The backup is not attached: %(why)s", why=why))
