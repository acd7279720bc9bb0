"""What of a backup is to be restored, what that would do, and what a run is asked for then.

The plans are the ones that the pages show: all of a full backup together, its databases, its
uploaded files, its settings, or one app's data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest

from trustbackup.api.problems import Problem
from trustbackup.contents.app_data.mode import Mode
from trustbackup.operations.backup.app_data import holds_app, restore_command
from trustbackup.operations.backup.media import holds_media
from trustbackup.operations.context import Context
from trustbackup.operations.restore.app_plan import parse_mode, plan_app_restore, rows_read
from trustbackup.operations.restore.choice import parse_strategy
from trustbackup.operations.restore.full_plan import FullPlan, plan_full_restore, wanted_parts
from trustbackup.operations.restore.media_plan import FolderPlan, MediaRequest, plan_media_restore
from trustbackup.operations.restore.plan import PartPlan, RestoreRequest
from trustbackup.store.backup_files import BackupFiles
from trustbackup.views.backups.app_restore import LOOKED_AT_ONCE, digest_of
from trustbackup.views.backups.restorable import manifest_of, single_parts
from trustbackup.views.confirmation import ConfirmForm, environment_to_type, names_to_type
from trustbackup.views.forms import AppRestoreForm


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What was asked for; without ``parts`` everything that the backup holds."""

    parts: tuple[str, ...] = ()
    strategy: str = ""
    migrate: bool = False
    mode: str = ""
    """Of rows: what becomes of those that are there."""


@dataclass(frozen=True, kw_only=True)
class PlannedRestore:
    """What it would do, and how it is confirmed."""

    entry: BackupFiles
    confirm: str
    """What has to be sent: the names of all that is replaced."""
    options: dict[str, Any]
    """What a run is asked for."""
    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    environment: str = ""
    """The one that the backup is from, where it has to be sent, too; else ""."""
    shown: str = ""
    """A digest of what happens to other apps' rows; "" where nothing does."""
    seconds: float | None = None
    rows_now: int = 0
    parts: tuple[PartPlan, ...] = ()
    folders: tuple[FolderPlan, ...] = ()
    models: Sequence[dict[str, Any]] = ()
    of_rows: str = ""
    """The app whose rows they are, or ``settings``; "" where it is none of these."""
    single_parts: list[str] = field(default_factory=list)

    def form(self, request: HttpRequest, data: dict[str, str], *, names_only: bool) -> ConfirmForm:
        """The last step before it; ``names_only`` asks for no password."""
        if self.of_rows:
            settings = self.of_rows == "settings"
            return AppRestoreForm(
                self.confirm,
                request,
                data,
                of_settings=settings,
                names_only=names_only,
                environment=self.environment,
            )
        return ConfirmForm(
            self.confirm,
            request,
            data,
            has_folders=bool(self.folders),
            names_only=names_only,
            environment=self.environment,
        )


def plan_wanted(identifier: str, wanted: Wanted) -> PlannedRestore:
    """``identifier`` is no path: what lies elsewhere on this machine is nothing for an address.

    Raises BackupNotFound, UsageError, RestoreError, Busy, and Problem for more rows than are
    looked at while somebody waits.
    """
    entry = Context.current().folder.find(identifier)
    databases: list[str] = []
    folders: list[str] = []
    rows, files = holds_app(entry), holds_media(entry)
    if wanted.parts:
        databases, folders, rows = wanted_parts(entry.id, list(wanted.parts))
        files = bool(folders) and not databases
        if databases and folders:
            raise Problem(
                409, "refused", "Name parts of one sort, or none to restore all of it together."
            )
    if rows:
        return _of_rows(entry, parse_mode(wanted.mode))
    if wanted.mode:
        raise Problem(409, "refused", "A mode is of one app's data or of settings: leave it out.")
    if files:
        return _of_files(entry, folders)
    return _of_databases(entry, wanted, databases)


def _of_databases(entry: BackupFiles, wanted: Wanted, aliases: list[str]) -> PlannedRestore:
    request = RestoreRequest(
        strategy=parse_strategy(wanted.strategy),
        migrate=wanted.migrate,
        databases=tuple(aliases),
        environment=None,
    )
    plan: FullPlan = plan_full_restore(entry.id, request, hashes=False, files=not aliases)
    options = {
        "backup": entry.id,
        "strategy": wanted.strategy,
        "migrate": wanted.migrate,
        "files": plan.files is not None,
        "aliases": aliases,
    }
    return PlannedRestore(
        entry=entry,
        confirm=names_to_type(plan.aliases),
        options=options,
        environment=environment_to_type(manifest_of(entry)),
        refusals=plan.refusals,
        warnings=plan.warnings,
        seconds=plan.databases.seconds,
        rows_now=plan.databases.rows_now,
        parts=plan.databases.parts,
        folders=plan.folders,
        single_parts=single_parts(plan.databases.manifest),
    )


def _of_files(entry: BackupFiles, parts: list[str]) -> PlannedRestore:
    plan = plan_media_restore(
        entry.id, MediaRequest(parts=tuple(parts), environment=None), hashes=False
    )
    return PlannedRestore(
        entry=entry,
        confirm=names_to_type([each.target.alias for each in plan.folders if each.target]),
        options={"backup": entry.id, "files": True, "databases": False, "folders": parts},
        environment=environment_to_type(manifest_of(entry)),
        refusals=plan.refusals,
        warnings=plan.warnings,
        folders=plan.folders,
        single_parts=single_parts(manifest_of(entry)),
    )


def _of_rows(entry: BackupFiles, mode: Mode) -> PlannedRestore:
    if offloaded := entry.offloaded():
        where = f"Its data is at {offloaded.where} only. Bring it back first, then try again."
        raise Problem(409, "refused", where)
    if rows_read(entry) > LOOKED_AT_ONCE:
        command = restore_command(entry.id, mode)
        raise Problem(
            409,
            "too_many_rows",
            f"These are more rows than are compared while a request waits. Run {command}.",
        )
    plan = plan_app_restore(entry.id, mode, environment=None)
    outside = plan.found.outside
    return PlannedRestore(
        entry=entry,
        confirm=plan.label,
        options={"backup": entry.id, "mode": str(mode), "outside": list(outside)},
        environment=environment_to_type(manifest_of(entry)),
        refusals=plan.refusals,
        warnings=plan.warnings,
        shown=digest_of(plan) if any(outside) else "",
        models=[
            {
                "model": label,
                "added": counts.added,
                "updated": counts.updated,
                "deleted": counts.deleted,
                "same": counts.same,
            }
            for label, counts in plan.found.counts.items()
        ],
        of_rows="settings" if plan.rows.is_settings else plan.label,
        single_parts=single_parts(manifest_of(entry)),
    )
