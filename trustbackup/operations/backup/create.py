"""Make a backup: dump, compress, hash, publish."""

from __future__ import annotations

import logging
import platform
import socket
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import django

import trustbackup
from trustbackup.conf import get_settings
from trustbackup.databases.base import Database, Dump
from trustbackup.databases.registry import distinct_aliases
from trustbackup.databases.values import DumpRequest, Facts, Options
from trustbackup.exceptions import UsageError
from trustbackup.operations.backup.app_data import APP, AppRequest, dump_app
from trustbackup.operations.backup.media import MEDIA_KIND, dump_folder
from trustbackup.operations.context import Context
from trustbackup.operations.media_folders import media_folders
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.operations.site_version import site_version
from trustbackup.phrases import gettext as _
from trustbackup.store import drafts, names, record
from trustbackup.store.compression import Compression, get_compression
from trustbackup.store.folder import BackupFolder
from trustbackup.store.manifest import KINDS, Manifest, Part, Table, dump
from trustbackup.store.plan_note import PlanNote
from trustbackup.store.streams import (
    Decompressed,
    Written,
    write_compressed,
)

logger = logging.getLogger(__name__)
LONGEST_NAME = 200
MAKEABLE = ("database", MEDIA_KIND)
"""The kinds that can be made without saying more; the first is the default."""


def create_backup(
    *,
    kind: str = "database",
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
    trigger: str = "command",
    plan: PlanNote | None = None,
    root: Path | None = None,
    report: Reporter = quiet,
) -> Manifest:
    """Back up the databases of these aliases (default: all that differ) as one backup.

    ``content`` takes fingerprints of all rows, for drills to compare; ``directory`` dumps
    several tables at a time, for large databases; ``compare`` notes what it takes to tell later
    that nothing changed; ``look`` gets the manifest before the backup appears, which what it raises
    prevents; ``excluded`` are tables whose rows are left out,
    with or without their schema; ``app`` is what a backup of type ``app`` holds; ``root`` is
    another folder than the backups'.

    Raises UsageError, ConfigurationError, DumpError, FolderError or Cancelled; nothing is
    left behind then.
    """
    context = Context.current()
    _check_kind(kind, app)
    name = _checked_name(name)
    how = get_compression(compression or context.settings.compression)
    folders = media_folders(context.settings) if kind == MEDIA_KIND else []
    aliases = aliases_of(kind, databases)
    sources = [context.database(alias) for alias in aliases]
    created = datetime.now(UTC)
    with BackupFolder(root or context.settings.backup_dir, context.signer).draft(created) as draft:
        request = DumpRequest(
            workdir=draft.folder,
            content=content,
            directory=directory,
            compare=compare,
            excluded=tuple(excluded),
        )
        parts = [
            dump_app(source, draft, how, app, report)
            if app
            else _dump_database(source, draft, how, request, report)
            for source in sources
        ]
        for folder in folders:
            parts += dump_folder(folder, draft, how, report)
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
        )
        look(manifest)
        if keep:
            noted = record.render(draft.id, record.Record(protected=True), context.signer)
            with draft.create(names.record_name(draft.id)) as file:
                file.write(noted)
        draft.publish(dump(manifest, context.signer))
    seconds = (manifest.finished - manifest.started).total_seconds()
    logger.info("Backup %s was made: %d bytes, %.1f s.", manifest.id, manifest.bytes, seconds)
    return manifest


def _versions() -> dict[str, str]:
    """What made the backup; of the site's own code where that is known."""
    known = {
        "django": django.get_version(),
        "python": platform.python_version(),
        "trustbackup": trustbackup.__version__,
        "site": site_version()[:LONGEST_NAME],
    }
    return {name: version for name, version in known.items() if version}


def _check_kind(kind: str, app: AppRequest | None) -> None:
    if kind not in KINDS:
        raise UsageError(
            _("There is no type of backup %(name)r", name=kind),
            todo=_("Choose one of %(known)s.", known=", ".join(KINDS)),
        )
    if kind == APP and app is None:
        raise UsageError(
            _("A backup of type %(name)r is of one app", name=kind),
            todo=_("Name it with --app."),
        )
    if kind not in (*MAKEABLE, APP):
        raise UsageError(
            _("Backups of type %(name)r can't be made yet", name=kind),
            why=_("this version backs up databases, uploaded files and single apps' data only"),
            todo=_("Use --type database or --type media."),
        )


def _checked_name(name: str) -> str:
    name = name.strip()
    if len(name) > LONGEST_NAME:
        raise UsageError(
            _("The name has %(count)d characters", count=len(name)),
            todo=_("Use at most %(count)d.", count=LONGEST_NAME),
        )
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        raise UsageError(
            _("The name has a line break or a control character"), todo=_("Leave it out.")
        )
    if "/" in name or "\\" in name:
        raise UsageError(
            _("The name %(name)r has a slash", name=name), todo=_("Use a dash instead.")
        )
    return name


def aliases_of(kind: str, wanted: Sequence[str] = ()) -> Sequence[str]:
    """The databases that a backup of this kind reads. Raises UsageError."""
    if kind == MEDIA_KIND:
        if wanted:
            raise UsageError(
                _("A backup of uploaded files holds no database"), todo=_("Leave --database out.")
            )
        return ()
    return wanted if kind == APP else aliases_to_dump(wanted)


def aliases_to_dump(wanted: Sequence[str] = ()) -> list[str]:
    """These aliases, or all that a backup holds by default. Raises UsageError for none."""
    settings = get_settings()
    options = Options(wait=settings.lock_timeout, connect_timeout=settings.connect_timeout)
    aliases = distinct_aliases(
        tuple(wanted) or settings.databases, options, settings.database_engines
    )
    if not aliases:
        raise UsageError(_("The site has no database"), todo=_("Set DATABASES, then try again."))
    return aliases


def _dump_database(
    source: Database,
    draft: drafts.Draft,
    how: Compression,
    request: DumpRequest,
    report: Reporter,
) -> Part:
    stage = f"dumping {source.alias}"
    report(Progress(stage=stage))
    with source.dump(request) as stream:
        file_name = names.part_name(draft.id, source.alias, stream.suffix, how.suffix)

        def on_bytes(done: int) -> None:
            report(Progress(stage=stage, done=done, total=max(stream.estimate, done)))

        with draft.create(file_name) as target:
            stored = write_compressed(stream, target, how, on_bytes, step=stream.step)
        report(Progress(stage=f"checking {source.alias}"))
        facts = stream.facts(lambda: Decompressed(draft.folder / file_name))
        return _part(source, stream, file_name, how, stored, facts)


def _part(
    source: Database,
    stream: Dump,
    file_name: str,
    how: Compression,
    stored: Written,
    facts: Facts,
) -> Part:
    return Part(
        part=source.alias,
        file=file_name,
        bytes=stored.size,
        raw_bytes=stored.raw_size,
        sha256=stored.sha256,
        compression=how.name,
        format=stream.format,
        engine=source.engine,
        connector=stream.connector,
        server_version=facts.server_version,
        tool_version=stream.tool_version,
        database=facts.database,
        encoding=facts.encoding,
        fingerprint=facts.fingerprint,
        tables=tuple(
            Table(
                schema=table.schema,
                name=table.name,
                rows=table.rows,
                fingerprint=table.fingerprint,
            )
            for table in facts.tables
        ),
        migrations=facts.migrations,
        inventory=facts.inventory.bounded() if facts.inventory else None,
        definition=facts.definition,
        excluded=facts.excluded,
    )
