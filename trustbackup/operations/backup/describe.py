"""All that is known of one backup: its manifest, and how it differs from the one before."""

from __future__ import annotations

from dataclasses import dataclass

from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Backup
from trustbackup.operations.backup import manual_commands
from trustbackup.operations.context import Context
from trustbackup.policy.anomalies import Change, compare_rows
from trustbackup.store import catalog
from trustbackup.store.manifest import Manifest, Part, table_label


@dataclass(frozen=True, kw_only=True)
class PartDescription:
    """One part: its tables beside those of the backup before, if there is one."""

    part: Part
    before: str
    """The id of the backup before that has this part, too; "" when there is none."""
    changes: tuple[Change, ...]
    restore_command: str


@dataclass(frozen=True, kw_only=True)
class Description:
    """``manifest`` is None where there is none that can be read; ``problem`` says why."""

    backup: Backup
    manifest: Manifest | None
    problem: str
    files: tuple[tuple[str, int], ...]
    """Names and bytes."""
    parts: tuple[PartDescription, ...]
    check_command: str


def describe_backup(reference: str) -> Description:
    """Raises BackupNotFound, FolderError."""
    context = Context.current()
    catalog.synchronise_if_changed(context.folder)
    entry = context.folder.find(reference)
    backup = catalog.describe(entry)
    manifest, problem = None, ""
    if entry.has_manifest:
        try:
            manifest, _signature = entry.read_manifest()
        except TrustbackupError as error:
            problem = str(error)
    return Description(
        backup=backup,
        manifest=manifest,
        problem=problem or backup.problem,
        files=tuple(sorted(entry.files.items())),
        parts=tuple(_describe(context, manifest, part) for part in manifest.parts)
        if manifest
        else (),
        check_command=manual_commands.check_command(entry.id) if manifest else "",
    )


def _describe(context: Context, manifest: Manifest, part: Part) -> PartDescription:
    before = _before(context, manifest, part.part)
    earlier = before.part(part.part) if before else None
    return PartDescription(
        part=part,
        before=before.id if before else "",
        changes=tuple(compare_rows(_rows(earlier), _rows(part))),
        restore_command=manual_commands.restore_command(part),
    )


def _rows(part: Part | None) -> dict[str, int]:
    tables = part.tables if part else ()
    return {table_label(table.schema, table.name): table.rows for table in tables}


def _before(context: Context, manifest: Manifest, alias: str) -> Manifest | None:
    """The newest whole backup before this one that has the same part."""
    found = Backup.objects.whole().filter(created__lt=manifest.created)
    row = found.of_database(alias).order_by("-created", "-pk").first()
    if row is None:
        return None
    try:
        entry = context.folder.find(row.identifier)
        before, _signature = entry.read_manifest()
    except TrustbackupError:
        return None
    return before
