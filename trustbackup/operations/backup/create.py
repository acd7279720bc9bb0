"""Make a backup: dump, compress, hash, publish."""

from __future__ import annotations

import logging
import platform
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import django

import trustbackup
from trustbackup.contents.app_data.row_set import SETTINGS
from trustbackup.databases.base import Database
from trustbackup.databases.values import DumpRequest
from trustbackup.operations.backup.app_data import AppRequest, dump_app, dump_settings
from trustbackup.operations.backup.database import dump_database
from trustbackup.operations.backup.full import FULL, RestOfSite
from trustbackup.operations.backup.kinds import (
    DATABASE,
    LONGEST_NAME,
    aliases_of,
    check_incremental,
    check_kind,
    checked_name,
)
from trustbackup.operations.backup.media import MEDIA_KIND, OnList, dump_folder, no_one
from trustbackup.operations.backup.sweep import sweep_quietly
from trustbackup.operations.context import Context
from trustbackup.operations.encryption_keys import recipients_of
from trustbackup.operations.media_buckets import MediaBucket, media_buckets
from trustbackup.operations.media_folders import MediaFolder, media_folders
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.operations.site_version import site_version
from trustbackup.store import names, record
from trustbackup.store.age import check_encrypted
from trustbackup.store.compression import Compression, get_compression
from trustbackup.store.drafts import Draft
from trustbackup.store.folder import BackupFolder
from trustbackup.store.manifest import Manifest, Part
from trustbackup.store.objects import naming_objects
from trustbackup.store.plan_note import PlanNote
from trustbackup.store.sealed_manifest import dump
from trustbackup.store.streams import Decompressed

logger = logging.getLogger(__name__)


def create_backup(
    *,
    kind: str = DATABASE,
    databases: Sequence[str] = (),
    name: str = "",
    compression: str = "",
    keep: bool = False,
    content: bool = False,
    directory: bool = False,
    compare: bool = False,
    look: Callable[[Manifest], object] = lambda _manifest: None,
    excluded: Sequence[str] = (),
    app: AppRequest | None = None,
    incremental: bool = False,
    read_all: bool = False,
    only: Sequence[str] = (),
    encrypt_to: Sequence[str] = (),
    trigger: str = "command",
    plan: PlanNote | None = None,
    root: Path | None = None,
    report: Reporter = quiet,
) -> Manifest:
    """Back up the databases of these aliases (default: all that differ) as one backup; of other
    kinds what they hold.

    ``content`` takes fingerprints of all rows, for drills to compare; ``directory`` dumps
    several tables at a time, for large databases; ``compare`` notes what it takes to tell later
    that nothing changed; ``look`` gets the manifest before the backup appears, which what it raises
    prevents; ``excluded`` are tables whose rows are left out,
    with or without their schema; ``app`` is what a backup of type ``app`` holds; ``incremental``
    keeps uploaded files as objects, of which only new ones are written, and ``read_all`` reads all
    of them again; of uploaded files ``only`` names parts, and no others are read; ``encrypt_to``
    are age's public keys, or names of some, to which everything is encrypted;
    ``root`` is another folder than the backups'.

    Raises UsageError, ConfigurationError, DumpError, FolderError or Cancelled; nothing is
    left behind then.
    """
    context = Context.current()
    check_kind(kind, app)
    recipients = recipients_of(encrypt_to)
    check_incremental(kind, incremental=incremental, read_all=read_all, encrypted=bool(recipients))
    name = checked_name(name)
    how = get_compression(compression or context.settings.compression)
    how = how.encrypted_to(recipients)
    folders, buckets = _uploaded_files(context, only) if kind == MEDIA_KIND else ([], [])
    aliases = aliases_of(kind, databases)
    sources = [context.database(alias) for alias in aliases]
    created = datetime.now(UTC)
    backups = BackupFolder(root or context.settings.backup_dir, context.signer)
    with ExitStack() as stack:
        draft = stack.enter_context(backups.draft(created))
        request = DumpRequest(
            workdir=draft.folder,
            content=content,
            directory=directory,
            compare=compare,
            excluded=tuple(excluded),
        )

        def dump_one(source: Database) -> Part:
            if kind == SETTINGS:
                return dump_settings(source, draft, how, context.settings, report)
            if app:
                return dump_app(source, draft, how, app, report)
            return dump_database(source, draft, how, request, report)

        def dump_files(folder: MediaFolder, on_list: OnList = no_one) -> tuple[Part, Part]:
            if not incremental:
                return dump_folder(folder, draft, how, report, on_list)
            from trustbackup.operations.backup.media_objects import dump_folder_as_objects

            stack.enter_context(naming_objects(draft.root))
            parts = dump_folder_as_objects(folder, backups, draft, how, report, read_all=read_all)
            with Decompressed(draft.folder / parts[1].file) as raw:
                on_list(raw)
            return parts

        parts = [dump_one(source) for source in sources]
        for folder in folders:
            parts += dump_files(folder)
        parts += [_dump_bucket(bucket, draft, how, report) for bucket in buckets]
        rest = RestOfSite(context, draft, how, report, dump_files) if kind == FULL else None
        if rest is not None:
            rest.dump(aliases)
            parts += rest.parts
        _check_encrypted(draft, parts, recipients)
        report(Progress(stage="publishing"))
        manifest = Manifest(
            id=draft.id,
            name=name,
            kind=kind,
            trigger=trigger,
            host=socket.gethostname(),
            created=created,
            started=created,
            finished=datetime.now(UTC),
            versions=_versions(),
            parts=tuple(parts),
            plan=plan,
            full=rest.facts if rest is not None else None,
            recipients=recipients,
            environment=context.settings.environment,
        )
        look(manifest)
        if keep:
            noted = record.render(draft.id, record.Record(protected=True), context.signer)
            with draft.create(names.record_name(draft.id)) as file:
                file.write(noted)
        draft.publish(dump(manifest, context.signer))
    if incremental:
        sweep_quietly(backups)
    seconds = (manifest.finished - manifest.started).total_seconds()
    logger.info("Backup %s was made: %d bytes, %.1f s.", manifest.id, manifest.bytes, seconds)
    return manifest


def _uploaded_files(
    context: Context, only: Sequence[str]
) -> tuple[list[MediaFolder], list[MediaBucket]]:
    """Those of these parts; all for none. Raises UsageError."""
    folders, buckets = media_folders(context.settings), media_buckets(context.settings)
    return (
        [each for each in folders if not only or each.part in only],
        [each for each in buckets if not only or each.part in only],
    )


def _dump_bucket(bucket: MediaBucket, draft: Draft, how: Compression, report: Reporter) -> Part:
    from trustbackup.operations.backup.media_versions import dump_versions

    return dump_versions(bucket, draft, how, report)


def _check_encrypted(draft: Draft, parts: Sequence[Part], recipients: Sequence[str]) -> None:
    """Nothing says that it is encrypted but what was read back. Raises FolderError."""
    if recipients:
        for part in parts:
            check_encrypted(draft.folder / part.file, recipients, part.plain_bytes)


def _versions() -> dict[str, str]:
    """What made the backup; of the site's own code where that is known."""
    known = {
        "django": django.get_version(),
        "python": platform.python_version(),
        "trustbackup": trustbackup.__version__,
        "site": site_version()[:LONGEST_NAME],
    }
    return {name: version for name, version in known.items() if version}
