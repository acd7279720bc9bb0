"""One app's data as a part of a backup."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import django
from django.apps import apps
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from trustbackup.contents.app_data.export import AppExport
from trustbackup.contents.app_data.formats import (
    FORMATS,
    FixtureOptions,
    check_name,
    get_format,
)
from trustbackup.contents.app_data.survey import Mode
from trustbackup.contents.app_data.tables import (
    OWN_APP,
    alias_of,
    models_of,
    part_name_of,
    table_of,
)
from trustbackup.databases.base import Database
from trustbackup.exceptions import TrustbackupError, UsageError
from trustbackup.operations.progress import Progress, Reporter
from trustbackup.phrases import gettext as _
from trustbackup.store import drafts, names
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.compression import Compression
from trustbackup.store.manifest import Part, Table
from trustbackup.store.streams import write_compressed

APP = "app"
"""The type of a backup that holds one app's data."""


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
    label, part = request.label, part_name_of(request.label, source.alias)
    stage = f"reading {label}"
    report(Progress(stage=stage))
    file_name = names.part_name(draft.id, part, format_.name, how.suffix)
    with source.frozen(draft.folder):
        export = AppExport(label, source.alias, models_of(label, source.alias), format_)
        with draft.create(file_name) as target:
            stored = write_compressed(
                export, target, how, lambda done: report(Progress(stage=stage, done=done))
            )
        migrations = migrations_of(label, source.alias)
    return Part(
        part=part,
        file=file_name,
        bytes=stored.size,
        raw_bytes=stored.raw_size,
        sha256=stored.sha256,
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


def migrations_of(label: str, alias: str) -> tuple[tuple[str, str], ...]:
    """The app's applied migrations, in their order."""
    applied = MigrationRecorder(connections[alias]).applied_migrations()
    return tuple(sorted((app, name) for app, name in applied if app == label))


def holds_app(entry: BackupFiles) -> bool:
    """Whether a backup is one app's data; False where its manifest can't be read."""
    with suppress(TrustbackupError):
        return entry.has_manifest and entry.read_manifest()[0].kind == APP
    return False


def refuse_to_drill_app(entry: BackupFiles) -> None:
    """Raises UsageError for one app's data: it makes no database by itself."""
    if holds_app(entry):
        raise UsageError(
            _("Backup %(id)s can't be drilled", id=entry.id),
            why=_("it holds one app's data, and no database"),
            todo=_("Verify it, or look at its plan: restore_backup with --dry-run."),
        )


def restore_command(identifier: str, mode: Mode = Mode.UPDATE) -> str:
    """What an operator types to restore one app's data."""
    return f"manage.py restore_backup {identifier} --mode {mode}"
