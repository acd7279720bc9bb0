"""``restore_backup`` of one app's data, or of settings: the plan, the question, what was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from trustbackup.contents.app_data.survey import Counts
from trustbackup.management.overrides import note_overrides
from trustbackup.management.plain_output import plain
from trustbackup.management.terminal import BackupCommand, table
from trustbackup.operations.offsite.hydrate import local_data
from trustbackup.operations.restore.app_plan import AppPlan, parse_mode, plan_app_restore
from trustbackup.operations.restore.app_restore import AppRestoreResult, restore_app
from trustbackup.operations.restore.source import names_a_file
from trustbackup.runs.lock import only_run

_OTHERS = (
    "swap", "in_place", "migrate", "no_privileges", "into", "table", "database",
)  # fmt: skip
"""Options that are of whole databases."""


class AppRestore:
    """One call of the command."""

    def __init__(self, command: BackupCommand, options: Mapping[str, Any]) -> None:
        self.command, self.options = command, options

    def run(self, reference: str) -> bool:
        """Raises CommandError, TrustbackupError."""
        for name in _OTHERS:
            if self.options[name]:
                flag = name.replace("_", "-")
                raise CommandError(f"--{flag} is of whole databases, and these are single rows.")
        mode = parse_mode(self.options["mode"])
        with self.command.progress(dict(self.options)) as report, local_data(reference) as found:
            plan = plan_app_restore(
                found,
                mode,
                report,
                trusted=self.options["trust_manifest"] and names_a_file(reference),
                allow_unknown_migrations=self.options["allow_unknown_migrations"],
                environment=self.options["from_environment"],
            )
        if self.options["dry_run"]:
            self._show(plan)
            return not plan.refusals
        if plan.refusals:
            raise CommandError(
                f"Backup {plan.entry.id} was not restored. {' '.join(plan.refusals)}"
            )
        return self._restore(plan, reference)

    def _restore(self, plan: AppPlan, reference: str) -> bool:
        if not self.options["json"]:
            for warning in plan.warnings:
                self.command.stderr.write(warning)
        if not self.options["force"]:
            self.command.confirm(f"{_in_words(plan)}: go on?", "--force")
        with self.command.record_run("restore", plan.entry.id) as recorder:
            recorder.outcome["warnings"] = list(plan.warnings)
            note_overrides(recorder, self.options)
            with (
                only_run([plan.alias], wait=False),
                self.command.progress(dict(self.options)) as report,
                local_data(reference),
            ):
                keep = not self.options["no_safety_backup"]
                done = restore_app(plan, report, safety_backup=keep)
            recorder.outcome["app"] = done.as_outcome()
        self._print(done)
        return True

    def _print(self, done: AppRestoreResult) -> None:
        if self.options["json"]:
            self.command.print_json(done.as_outcome())
            return
        write = self.command.stdout.write
        what = "The settings" if done.is_settings else f"App {done.label}"
        have = "have" if done.is_settings else "has"
        text = f"{what} in database {done.alias!r} {have} the rows of backup {done.id}"
        write(self.command.style.SUCCESS(f"{text}: {_sum(done.counts)}."))
        for sentence in _outside(done.deleted_outside, done.changed_outside, were=True):
            write(f"  {sentence}")
        if done.safety_backup:
            write(f"  The state before is backup {done.safety_backup}, protected.")
            write(f"  Undo: {done.undo}")

    def _show(self, plan: AppPlan) -> None:
        if self.options["json"]:
            self.command.print_json(_plan_as_json(plan))
            return
        write = self.command.stdout.write
        signature = plan.signature.value if plan.signature else "without a manifest"
        write(self.command.style.MIGRATE_HEADING(f"Backup {plan.entry.id}, {signature}"))
        write(f"\n{_name(plan)} into database {plan.alias!r}: {plan.mode}")
        rows = [
            (f"  {plain(label)}", *(f"{count:,}" for count in _numbers(counts)))
            for label, counts in plan.found.counts.items()
        ]
        if rows:
            header = ("  MODEL", "ADDED", "UPDATED", "DELETED", "AS IT IS")
            write(table(header, rows, right=(1, 2, 3, 4)))
        for sentence in _outside(*plan.found.outside, were=False):
            write(self.command.style.WARNING(plain(sentence)))
        for warning in plan.warnings:
            write(self.command.style.WARNING(plain(warning)))
        for refusal in plan.refusals:
            write(self.command.style.ERROR(f"Refused: {plain(refusal)}"))
        if not plan.refusals:
            write("Nothing was touched. Leave --dry-run out to do it.")


def _numbers(counts: Counts) -> tuple[int, ...]:
    return counts.added, counts.updated, counts.deleted, counts.same


def _sum(counts: Mapping[str, Counts]) -> str:
    added, updated, deleted, _same = (
        (sum(column) for column in zip(*map(_numbers, counts.values()), strict=True))
        if counts
        else (0, 0, 0, 0)
    )
    return f"{added:,} added, {updated:,} updated, {deleted:,} deleted"


def _in_words(plan: AppPlan) -> str:
    what = f"Restore {_name(plan)} from backup {plan.entry.id} ({_sum(plan.found.counts)})"
    outside = _outside(*plan.found.outside, were=False)
    return f"{what}. {' '.join(outside)}".rstrip(". ") if outside else what


def _name(plan: AppPlan) -> str:
    return plan.label if plan.rows.is_settings else f"app {plan.label}"


def _outside(deleted: Mapping[str, int], changed: Mapping[str, int], *, were: bool) -> list[str]:
    become = "were" if were else "will be"
    return [
        *(f"{count:,} of {label} {become} deleted with them." for label, count in deleted.items()),
        *(
            f"{count:,} of {label} {become} changed to name them no more."
            for label, count in changed.items()
        ),
    ]


def _plan_as_json(plan: AppPlan) -> dict[str, Any]:
    deleted, changed = plan.found.outside
    return {
        "id": plan.entry.id,
        "signature": plan.signature.value if plan.signature else "",
        "refusals": list(plan.refusals),
        "warnings": list(plan.warnings),
        "app": plan.label,
        "database": plan.alias,
        "mode": str(plan.mode),
        "models": {label: asdict(counts) for label, counts in plan.found.counts.items()},
        "deleted_outside": deleted,
        "changed_outside": changed,
        "migrations": plan.migrations.verdict,
    }
