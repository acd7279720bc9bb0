"""One app's data, or the site's settings, as a part of a backup."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import django
from django.apps import apps
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from trustbackup.conf import Settings
from trustbackup.contents.app_data.formats import (
    FORMATS,
    FixtureFormat,
    FixtureOptions,
    check_name,
    get_format,
)
from trustbackup.contents.app_data.mode import Mode
from trustbackup.contents.app_data.row_set import SETTINGS, RowSet, app_rows, is_settings
from trustbackup.contents.app_data.tables import (
    OWN_APP,
    alias_of,
    label_of,
    table_of,
)
from trustbackup.databases.base import Database
from trustbackup.exceptions import TrustbackupError, UsageError
from trustbackup.operations.progress import Progress, Reporter
from trustbackup.operations.settings_models import rows_of_settings
from trustbackup.phrases import gettext as _
from trustbackup.store import drafts, names
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.compression import Compression
from trustbackup.store.manifest import Manifest, Part, Table
from trustbackup.store.streams import write_compressed

APP = "app"
"""The type of a backup that holds one app's data."""
_FOR_PEOPLE = FixtureOptions(format="json", indent=2, natural=True)


@dataclass(frozen=True, kw_only=True)
class AppRequest:
    """Which app, by its label, and how its rows are written."""

    label: str
    options: FixtureOptions


def offered_apps() -> list[tuple[str, str]]:
    """Label and name of each app that has models of its own to back up."""
    return sorted(
        (config.label, str(config.verbose_name))
        for config in apps.get_app_configs()
        if config.label != OWN_APP and any(config.get_models())
    )


def offered_formats() -> list[str]:
    """The formats that can be written here; the first is the default."""
    found = [FixtureOptions.format]
    for name in FORMATS:
        with suppress(UsageError):
            check_name(name)
            found.append(name)
    return list(dict.fromkeys(found))


def database_of(label: str, wanted: tuple[str, ...] = ()) -> str:
    """The alias that an app's data is read from: the one that was named, or the router's."""
    if len(wanted) > 1:
        raise UsageError(
            _("An app's data comes from one database"), todo=_("Name one with --database.")
        )
    alias = wanted[0] if wanted else alias_of(label)
    if alias not in connections:
        raise UsageError(
            _("There is no database %(alias)r", alias=alias),
            todo=_("DATABASES has %(names)s.", names=", ".join(map(repr, connections))),
        )
    return alias


def dump_app(
    source: Database,
    draft: drafts.Draft,
    how: Compression,
    request: AppRequest,
    report: Reporter,
) -> Part:
    """Write the app's rows as they are at one instant. Raises UsageError, DumpError."""
    format_ = get_format(request.options)
    return _dump_rows(
        source, draft, how, lambda: app_rows(request.label, source.alias), format_, report
    )


def dump_settings(
    source: Database, draft: drafts.Draft, how: Compression, settings: Settings, report: Reporter
) -> Part:
    """Write the rows that configure the site, for people to read, too.

    Raises UsageError, DumpError.
    """
    format_ = get_format(_FOR_PEOPLE)

    def rows() -> RowSet:
        found = rows_of_settings(settings, source.alias)
        format_.inside = frozenset(found.models)
        return found

    return _dump_rows(source, draft, how, rows, format_, report)


def _dump_rows(
    source: Database,
    draft: drafts.Draft,
    how: Compression,
    choose: Callable[[], RowSet],
    format_: FixtureFormat,
    report: Reporter,
) -> Part:
    from trustbackup.contents.app_data.export import AppExport

    with source.frozen(draft.folder):
        rows = choose()
        stage = f"reading {rows.label}"
        report(Progress(stage=stage))
        file_name = names.part_name(draft.id, rows.part, format_.name, how.suffix)
        export = AppExport(rows, format_)
        with draft.create(file_name) as target:
            stored = write_compressed(
                export, target, how, lambda done: report(Progress(stage=stage, done=done))
            )
        migrations = migrations_of(rows)
    return Part(
        part=rows.part,
        file=file_name,
        bytes=stored.size,
        raw_bytes=stored.raw_size,
        sha256=stored.sha256,
        plain_bytes=stored.plain_size,
        plain_sha256=stored.plain_sha256,
        compression=how.name,
        format=format_.name,
        engine="",
        connector=f"django.core.serializers.{format_.name}",
        server_version="",
        tool_version=f"Django {django.get_version()}",
        database=source.alias,
        encoding="UTF-8",
        tables=tuple(
            Table(schema="", name=table_of(model), rows=rows)
            for model, rows in sorted(export.rows.items(), key=lambda item: table_of(item[0]))
        ),
        migrations=migrations,
    )


def migrations_of(rows: RowSet) -> tuple[tuple[str, str], ...]:
    """The applied migrations of their apps, in their order."""
    applied = MigrationRecorder(connections[rows.alias]).applied_migrations()
    return tuple(sorted((app, name) for app, name in applied if app in rows.apps))


def rows_part(manifest: Manifest) -> Part | None:
    """The part that is one app's data or the site's settings, if there is one."""
    for part in manifest.parts:
        if not part.engine and part.tables and (label_of(part.part) or is_settings(part.part)):
            return part
    return None


def holds_app(entry: BackupFiles) -> bool:
    """Whether a backup is rows alone, of one app or of the site's settings; False where its
    manifest can't be read."""
    with suppress(TrustbackupError):
        return entry.has_manifest and entry.read_manifest()[0].kind in (APP, SETTINGS)
    return False


def refuse_to_drill_app(entry: BackupFiles) -> None:
    """Raises UsageError for rows alone: they make no database by themselves."""
    if holds_app(entry):
        raise UsageError(
            _("Backup %(id)s can't be drilled", id=entry.id),
            why=_("it holds one app's data, and no database")
            if entry.read_manifest()[0].kind == APP
            else _("it holds the site's settings, and no database"),
            todo=_("Verify it, or look at its plan: restore_backup with --dry-run."),
        )


def restore_command(identifier: str, mode: Mode = Mode.UPDATE) -> str:
    """What an operator types to restore one app's data, or the site's settings."""
    return f"manage.py restore_backup {identifier} --mode {mode}"
