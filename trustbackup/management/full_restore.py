"""``restore_backup`` of a full backup: everything together, or single parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from trustbackup.management.database_plan import databases_as_json, show_databases
from trustbackup.management.media_restore import folders_as_json, show_folders
from trustbackup.management.overrides import note_overrides
from trustbackup.management.plain_output import plain
from trustbackup.management.terminal import BackupCommand, show_objections
from trustbackup.operations.offsite.hydrate import local_data
from trustbackup.operations.restore.full_plan import (
    FullPlan,
    plan_full_restore,
)
from trustbackup.operations.restore.plan import RestoreRequest
from trustbackup.operations.restore.restore import restore_backup
from trustbackup.operations.restore.result import RestoreResult
from trustbackup.runs.lock import MEDIA_LOCK, only_run
from trustbackup.runs.recorder import noting
from trustbackup.store.journal_entry import is_folder

_SINGLE = (
    "into", "table", "database", "path", "overwrite", "only_missing", "into_folder", "mode",
)  # fmt: skip
"""Options that are of one part."""


class FullRestore:
    """One call of the command, of databases and folders together."""

    def __init__(
        self, command: BackupCommand, options: Mapping[str, Any], request: RestoreRequest
    ) -> None:
        self.command, self.options, self.request = command, options, request

    def run(self, reference: str) -> bool:
        """Raises CommandError, TrustbackupError."""
        for name in _SINGLE:
            if self.options[name]:
                flag = name.replace("_", "-")
                raise CommandError(f"--{flag} is of one part of a full backup: name it by --part.")
        if self.options["part"]:
            raise CommandError(
                "Name one sort of part, or leave --part out to restore all together."
            )
        asked = self.options["dry_run"] or not self.options["force"]
        with self.command.progress(dict(self.options)) as report, local_data(reference) as found:
            plan = plan_full_restore(found, self.request, report, count=asked)
        if self.options["dry_run"]:
            self.show(plan)
            return not plan.refusals
        if plan.refusals:
            raise CommandError(
                f"Backup {plan.databases.entry.id} was not restored. {' '.join(plan.refusals)}"
            )
        return self._restore(plan, reference)

    def show(self, plan: FullPlan) -> None:
        """Print the plan."""
        databases, files = plan.databases, plan.files
        if self.options["json"]:
            found = databases_as_json(databases)
            found["folders"] = folders_as_json(files)["folders"] if files else {}
            found["refusals"], found["warnings"] = list(plan.refusals), list(plan.warnings)
            self.command.print_json(found)
            return
        every_table = self.options["verbosity"] > 1
        show_databases(self.command, databases, every_table=every_table)
        if files:
            self.command.stdout.write("")
            show_folders(self.command, files)
        show_objections(self.command, plan.warnings, plan.refusals)

    def _restore(self, plan: FullPlan, reference: str) -> bool:
        if not self.options["json"]:
            for warning in plan.warnings:
                self.command.stderr.write(plain(warning))
        if not self.options["force"] and _is_anything_there(plan):
            self.command.confirm(_question(plan), "--force")
        identifier = plan.databases.entry.id
        with self.command.record_run("restore", identifier) as recorder:
            recorder.outcome["warnings"] = list(plan.warnings)
            note_overrides(recorder, self.options)
            aliases = [part.alias for part in plan.databases.parts]
            with (
                only_run([*aliases, MEDIA_LOCK], wait=False),
                self.command.progress(dict(self.options)) as report,
                local_data(reference),
            ):
                done = restore_backup(
                    plan.databases, report, files=plan.files, on_database=noting(recorder)
                )
        self._print(done)
        return True

    def _print(self, done: RestoreResult) -> None:
        if self.options["json"]:
            found: dict[str, Any] = {"id": done.id, "databases": {}, "folders": {}}
            for item in done.databases:
                kind = "folders" if is_folder(item.alias) else "databases"
                found[kind][item.alias] = asdict(item)
            self.command.print_json(found)
            return
        write = self.command.stdout.write
        for item in done.databases:
            folder = is_folder(item.alias)
            what = "Folder" if folder else "Database"
            rows = f"{item.rows:,} {'files' if folder else 'rows'}"
            text = f"{what} {item.alias!r} is that of backup {done.id}: {rows}."
            write(self.command.style.SUCCESS(text))
            if item.previous:
                write(f"  The old one is kept as {item.previous}.")
            if item.safety_backup:
                write(f"  The state before is backup {item.safety_backup}, protected.")
            for note in item.notes:
                write(f"  {plain(note)}")
        if undo := next((item.undo for item in done.databases if item.undo), ""):
            write(f"  Undo all of it: manage.py undo_restore {undo}")
            write(f"  Let it go: manage.py release_restore {undo}")


def _is_anything_there(plan: FullPlan) -> bool:
    changed = [each.changes.changed + each.changes.gone for each in plan.folders]
    return bool(plan.databases.rows_now or sum(changed))


def _question(plan: FullPlan) -> str:
    names = ", ".join(part.alias for part in plan.databases.parts)
    text = f"Replace {names} ({plan.databases.rows_now:,} rows)"
    if plan.folders:
        folders = ", ".join(each.part.part for each in plan.folders)
        gone = sum(each.changes.gone for each in plan.folders)
        changed = sum(each.changes.changed for each in plan.folders)
        text += f" and {folders} ({changed:,} files there differ, {gone:,} are not in it)"
    return f"{text} by backup {plan.databases.entry.id}?"
