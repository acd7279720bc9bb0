"""What is inside a backup that is to be restored, as its manifest and its first bytes tell."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connections

from trustbackup.exceptions import ManifestError, RestoreError, UsageError
from trustbackup.operations.checks import check_files, format_of, inspect_foreign
from trustbackup.operations.context import Context
from trustbackup.operations.progress import Reporter
from trustbackup.phrases import gettext as _
from trustbackup.store import names
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.manifest import Manifest, Part
from trustbackup.store.sealed_manifest import require_open
from trustbackup.store.signature import Signature


@dataclass(frozen=True, kw_only=True)
class FoundDatabase:
    """One database of a backup."""

    alias: str
    file: str
    format: str
    """What the file holds, by its first bytes."""
    part: Part | None
    """What the manifest says of it; None without a manifest."""


@dataclass(frozen=True, kw_only=True)
class BackupContents:
    """A backup's databases, and its manifest and who signed that, if it has one."""

    manifest: Manifest | None
    signature: Signature | None
    databases: tuple[FoundDatabase, ...]


def read_inside(
    context: Context, entry: BackupFiles, report: Reporter, *, hashes: bool, here: bool
) -> BackupContents:
    """What is to be known of a backup before it is restored.

    With ``hashes`` every byte is read and compared; without ``here`` its data files are away.
    Raises RestoreError when it is damaged or of another engine, ManifestError, FolderError.
    """
    found: list[FoundDatabase] = []
    manifest: Manifest | None = None
    signature: Signature | None = None
    if entry.has_manifest:
        manifest, signature = entry.read_manifest()
        require_open(manifest)
        if not here:
            problems = []
        elif hashes:
            problems = check_files(entry, manifest, report)
        else:
            problems = [missing] if (missing := entry.missing(manifest)) else []
        parts = [] if problems else [part for part in manifest.parts if part.engine]
        found = [
            FoundDatabase(
                alias=part.part,
                file=part.file,
                format=_format_of(context, entry, part, here=here),
                part=part,
            )
            for part in parts
        ]
    else:
        problems = inspect_foreign(context, entry, report)
        for name in [] if problems else entry.data_files or list(entry.files):
            database, format_ = format_of(context, entry.root / name)
            parsed = names.parse(name)
            alias = parsed.part if parsed and parsed.part in connections else database.alias
            found.append(FoundDatabase(alias=alias, file=name, format=format_, part=None))
    if problems:
        raise _refused(entry.id, problems[0], _("Restore another backup, or another copy of it."))
    return BackupContents(manifest=manifest, signature=signature, databases=tuple(found))


def _format_of(context: Context, entry: BackupFiles, part: Part, *, here: bool) -> str:
    """What is inside by its first bytes, if they are here; it must be what the manifest says."""
    try:
        database = context.database(part.part)
    except UsageError as error:
        raise _refused(entry.id, str(error), "") from error
    if part.engine != database.engine:
        raise _refused(
            entry.id,
            _(
                "it holds a %(engine)s database and %(alias)r is %(other)s",
                engine=part.engine,
                alias=part.part,
                other=database.engine,
            ),
            _("Restore it on a site with that engine."),
        )
    if not here:
        return part.format
    _database, format_ = format_of(context, entry.root / part.file)
    if format_ != part.format:
        raise ManifestError(
            _("Backup %(id)s was not restored", id=entry.id),
            why=_(
                "%(file)s holds a %(format)s, and the manifest says %(expected)s",
                file=part.file,
                format=format_,
                expected=part.format,
            ),
            todo=_("Restore another backup."),
        )
    return format_


def _refused(identifier: str, why: str, todo: str) -> RestoreError:
    return RestoreError(_("Backup %(id)s was not restored", id=identifier), why=why, todo=todo)
