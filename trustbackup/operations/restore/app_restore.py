"""Put one app's data back: one transaction, and a backup of what was there before."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from typing import Any

from django.db import IntegrityError

from trustbackup.contents.app_data.apply import apply_fixture, counted_columns, tables_of
from trustbackup.contents.app_data.formats import FixtureOptions
from trustbackup.contents.app_data.keys import KeyIndex
from trustbackup.contents.app_data.mode import Mode
from trustbackup.contents.app_data.row_set import SETTINGS
from trustbackup.contents.app_data.survey import Counts, Outside, Survey
from trustbackup.exceptions import RestoreError, TrustbackupError
from trustbackup.operations.backup.app_data import APP, AppRequest, restore_command
from trustbackup.operations.backup.create import create_backup
from trustbackup.operations.context import Context
from trustbackup.operations.plans.reschedule import rescheduling
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.operations.restore.app_plan import AppPlan, fixture_of, look
from trustbackup.operations.restore.guard import only_restore
from trustbackup.phrases import gettext as _
from trustbackup.phrases import one_line

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class AppRestoreResult:
    """What was done. Numbers are rows, by the label of their model."""

    id: str
    label: str
    is_settings: bool
    """Whether these are the site's settings, and no app's rows."""
    alias: str
    mode: Mode
    counts: dict[str, Counts]
    deleted_outside: dict[str, int]
    changed_outside: dict[str, int]
    safety_backup: str
    """The id of the backup of what was there before; "" when none was made."""
    undo: str
    """The command that puts that back; "" when there is none."""

    def as_outcome(self) -> dict[str, Any]:
        """As commands print it, and a run's row keeps it."""
        return {
            "id": self.id,
            "app": "" if self.is_settings else self.label,
            "settings": self.is_settings,
            "database": self.alias,
            "mode": str(self.mode),
            "models": {label: asdict(counts) for label, counts in self.counts.items()},
            "deleted_outside": self.deleted_outside,
            "changed_outside": self.changed_outside,
            "safety_backup": self.safety_backup,
            "undo": self.undo,
        }


def restore_app(
    plan: AppPlan,
    report: Reporter = quiet,
    *,
    safety_backup: bool = True,
    shown: Outside | None = None,
) -> AppRestoreResult:
    """Carry a plan out. Raises RestoreError, Busy; then nothing was changed.

    ``shown`` is how other apps' rows fare by an earlier plan, which somebody has agreed to: where
    they would fare otherwise by this one, nothing is done. Where such rows go along, the safety
    backup is one of the whole database.
    """
    what = _("Backup %(id)s was not restored", id=plan.entry.id)
    if plan.refusals:
        raise RestoreError(what, why=plan.refusals[0])
    if shown not in (None, plan.found.outside):
        raise _fare_otherwise(plan)
    context, began = Context.current(), time.monotonic()
    with plan.entry.in_use(), only_restore(context, plan.alias):
        before = _back_up(plan, report) if safety_backup else ""
        try:
            done = _write(context, plan, report)
        except TrustbackupError as error:
            if isinstance(error.__cause__, IntegrityError):
                raise _to_restore_error(what, error.__cause__) from error
            raise
        except Exception as error:  # whatever the site's own signals and fields raise
            raise _to_restore_error(what, error) from error
    logger.info(
        "restored app %s from backup %s (%s): %d rows, %.1f s",
        plan.label,
        plan.entry.id,
        plan.mode,
        plan.part.rows,
        time.monotonic() - began,
    )
    deleted, changed = done.outside
    return AppRestoreResult(
        id=plan.entry.id,
        label=plan.label,
        is_settings=plan.rows.is_settings,
        alias=plan.alias,
        mode=plan.mode,
        counts=dict(done.counts),
        deleted_outside=deleted,
        changed_outside=changed,
        safety_backup=before,
        undo=_undo(plan, before),
    )


def _back_up(plan: AppPlan, report: Reporter) -> str:
    name = f"Safety: before restoring {plan.entry.id}"
    if _reaches_outside(plan.found):
        made = create_backup(
            databases=[plan.alias], name=name, keep=True, trigger="safety", report=report
        )
    else:
        app = AppRequest(label=plan.label, options=FixtureOptions())
        made = create_backup(
            kind=SETTINGS if plan.rows.is_settings else APP,
            databases=[plan.alias],
            app=None if plan.rows.is_settings else app,
            name=name,
            keep=True,
            trigger="safety",
            report=report,
        )
    return made.id


def _reaches_outside(found: Survey) -> bool:
    return any(found.outside)


def _undo(plan: AppPlan, before: str) -> str:
    if not before:
        return ""
    if _reaches_outside(plan.found):
        return f"manage.py restore_backup {before}"
    return restore_command(before, Mode.REPLACE)


def _write(context: Context, plan: AppPlan, report: Reporter) -> Survey:
    database = context.database(plan.alias)
    stage = f"restoring {plan.label}"
    fixture = fixture_of(plan.entry, plan.part, plan.rows, report, stage)
    with database.writing(tables_of(fixture)), KeyIndex() as index:
        now = look(plan.entry, fixture, plan.mode, index)
        if now.refusals or now.outside != plan.found.outside:
            raise _fare_otherwise(plan, *now.refusals[:1])
        with rescheduling(plan.rows):
            apply_fixture(fixture, plan.mode, index)
        report(Progress(stage=stage))
        database.raise_sequences(counted_columns(fixture))
    return now


def _fare_otherwise(plan: AppPlan, refusal: str = "") -> RestoreError:
    return RestoreError(
        _("Backup %(id)s was not restored", id=plan.entry.id),
        why=refusal or _("rows of other apps changed since the plan was made"),
        todo=_("Look at the plan again, then decide."),
    )


def _to_restore_error(what: str, error: Exception) -> RestoreError:
    todo = _("Nothing was changed. Mend that, then try again.")
    if isinstance(error, IntegrityError):
        todo = _("Nothing was changed. Change what is in the way, or use --mode replace.")
    return RestoreError(what, why=one_line(str(error)) or type(error).__name__, todo=todo)
