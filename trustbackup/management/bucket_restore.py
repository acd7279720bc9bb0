"""``restore_backup`` of files that are versions in a bucket."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from django.core.management.base import CommandError

from trustbackup.exceptions import TrustbackupError, UsageError
from trustbackup.management.overrides import note_overrides
from trustbackup.management.plain_output import plain
from trustbackup.management.terminal import BackupCommand, show_objections, size, table
from trustbackup.operations.backup.full import holds_everything
from trustbackup.operations.backup.media import MEDIA_KIND, archives, buckets
from trustbackup.operations.context import Context
from trustbackup.operations.offsite.hydrate import local_data
from trustbackup.operations.restore.bucket_plan import (
    BucketPlan,
    BucketRequest,
    plan_bucket_restore,
)
from trustbackup.operations.restore.bucket_restore import BucketResult, restore_buckets
from trustbackup.operations.restore.media_files import Overwrite, parse_overwrite
from trustbackup.operations.restore.source import locate, names_a_file
from trustbackup.runs.lock import MEDIA_LOCK, only_run

_OF_DATABASES = ("database", "table", "into")
"""Options by which the databases of a full backup alone are meant."""


@dataclass(frozen=True, kw_only=True)
class ChosenBuckets:
    """Which buckets are to be restored, and what else is."""

    parts: tuple[str, ...]
    others: dict[str, Any]
    """The options for all else."""
    alone: bool
    """Whether there is nothing else to restore."""


def choose_buckets(reference: str, options: dict[str, Any]) -> ChosenBuckets:
    """By the type of the backup, and the parts that the operator named. Raises UsageError."""
    named = list(options["part"])
    here: tuple[str, ...] = ()
    has_others = True
    with suppress(TrustbackupError, OSError):
        entry = locate(Context.current(), reference)
        if entry.has_manifest:
            manifest, _signature = entry.read_manifest()
            if manifest.kind == MEDIA_KIND or holds_everything(manifest):
                here = tuple(part.part for part in buckets(manifest))
                has_others = holds_everything(manifest) or any(archives(manifest))
    if named:
        here = tuple(part for part in here if part in named)
        named = [part for part in named if part not in here]
        has_others = bool(named) or not here
    elif any(options[name] for name in _OF_DATABASES):
        here = ()
    if here and has_others and options["json"]:
        raise UsageError(
            "--json is of one sort of part, and this backup has files in buckets, too",
            todo=f"Name {' or '.join(here)} by --part, or what else you want.",
        )
    others = {**options, "part": named}
    return ChosenBuckets(parts=here, others=others, alone=bool(here) and not has_others)


class BucketRestore:
    """One call of the command: ``plan`` before anything is restored, then ``carry_out``."""

    def __init__(
        self, command: BackupCommand, options: Mapping[str, Any], chosen: ChosenBuckets
    ) -> None:
        self.command, self.options, self.chosen = command, options, chosen

    def plan(self, reference: str) -> None:
        """Raises CommandError for what stands in the way, TrustbackupError."""
        if self.options["into_folder"]:
            raise UsageError(
                "Versions in a bucket are put back there, and into no folder",
                todo="Leave --into-folder out; the documentation has the commands that fetch them.",
            )
        overwrite = None
        if self.options["only_missing"]:
            overwrite = Overwrite.NEVER
        elif self.options["path"]:
            overwrite = parse_overwrite(self.options["overwrite"])
        request = BucketRequest(
            parts=self.chosen.parts,
            paths=tuple(self.options["path"]),
            overwrite=overwrite,
            trusted=self.options["trust_manifest"] and names_a_file(reference),
            environment=self.options["from_environment"],
        )
        with self.command.progress(dict(self.options)) as report, local_data(reference) as found:
            entry = locate(Context.current(), found)
            self.found = plan_bucket_restore(entry, request, report)
        if self.found.refusals and not self.options["dry_run"]:
            why = " ".join(self.found.refusals)
            raise CommandError(f"Backup {self.found.entry.id} was not restored. {why}")

    def carry_out(self, reference: str) -> bool:
        """Or show the plan. Raises CommandError, TrustbackupError."""
        plan = self.found
        if self.options["dry_run"]:
            self._show(plan)
            return not plan.refusals
        if not self.options["force"]:
            self.command.confirm(f"{_question(plan)}?", "--force")
        with self.command.record_run("restore", plan.entry.id) as recorder:
            recorder.outcome["warnings"] = list(plan.warnings)
            note_overrides(recorder, self.options)
            with (
                only_run([MEDIA_LOCK], wait=False),
                self.command.progress(dict(self.options)) as report,
                local_data(reference),
            ):
                done = restore_buckets(plan, report)
            recorder.outcome["buckets"] = [asdict(each) for each in done]
            recorder.partial = " ".join(each.problem for each in done if each.problem)
        self._print(plan, done)
        return not any(each.problem for each in done)

    def _show(self, plan: BucketPlan) -> None:
        if self.options["json"]:
            self.command.print_json(_as_json(plan))
            return
        rows = [
            (
                each.part.part,
                plain(str(each.media.bucket)),
                size(sum(item.size for item in (*each.missing, *each.changed))),
                *(
                    f"{n:,}"
                    for n in (len(each.missing), len(each.changed), len(each.surplus), each.same)
                ),
            )
            for each in plan.buckets
        ]
        header = ("PART", "BUCKET", "TO COPY", "DELETED", "CHANGED", "NOT IN IT", "AS IT IS")
        self.command.stdout.write(table(header, rows, right=(2, 3, 4, 5, 6)))
        show_objections(self.command, plan.warnings, plan.refusals)

    def _print(self, plan: BucketPlan, done: list[BucketResult]) -> None:
        if self.options["json"]:
            found = {each.part: asdict(each) for each in done}
            self.command.print_json({"id": plan.entry.id, "buckets": found})
            return
        for each in done:
            text = f"{each.part}: {each.copied:,} put back, {each.deleted:,} deleted,"
            text += f" {each.same:,} left as they are."
            self.command.stdout.write(self.command.style.SUCCESS(text))
            if each.safety_backup:
                safe = f"  The state before is backup {each.safety_backup}, protected."
                self.command.stdout.write(safe)
            if each.problem:
                self.command.stderr.write(plain(each.problem))


def _question(plan: BucketPlan) -> str:
    parts = ", ".join(each.part.part for each in plan.buckets)
    copies = sum(len(each.missing) + len(each.changed) for each in plan.buckets)
    surplus = sum(len(each.surplus) for each in plan.buckets)
    return (
        f"Put {copies:,} objects of backup {plan.entry.id} back into {parts},"
        f" and delete {surplus:,} that it has not"
    )


def _as_json(plan: BucketPlan) -> dict[str, Any]:
    return {
        "id": plan.entry.id,
        "refusals": list(plan.refusals),
        "warnings": list(plan.warnings),
        "buckets": {
            each.part.part: {
                "bucket": str(each.media.bucket),
                "missing": len(each.missing),
                "changed": len(each.changed),
                "surplus": len(each.surplus),
                "same": each.same,
                "lost": len(each.lost),
            }
            for each in plan.buckets
        },
    }
