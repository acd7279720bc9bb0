"""``restore_backup`` of uploaded files: the plan, the question, and what was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from trustbackup.exceptions import UsageError
from trustbackup.management.overrides import note_overrides
from trustbackup.management.plain_output import plain
from trustbackup.management.terminal import BackupCommand, show_objections, size, table
from trustbackup.operations.offsite.hydrate import local_data
from trustbackup.operations.progress import Reporter
from trustbackup.operations.restore.media_files import (
    FilesResult,
    Overwrite,
    parse_overwrite,
)
from trustbackup.operations.restore.media_plan import (
    MediaPlan,
    MediaRequest,
    plan_media_restore,
)
from trustbackup.operations.restore.media_preview import preview_files
from trustbackup.operations.restore.media_restore import restore_into, restore_media
from trustbackup.operations.restore.result import RestoredDatabase
from trustbackup.operations.restore.source import names_a_file
from trustbackup.runs.files_work import restore_single_files
from trustbackup.runs.lock import MEDIA_LOCK, only_run
from trustbackup.runs.recorder import RunRecorder, noting

_OTHERS = (
    "swap", "in_place", "migrate", "no_privileges", "into", "table", "database", "mode",
    "allow_unknown_migrations", "no_safety_backup",
)  # fmt: skip
"""Options that are of databases and of apps' data."""


class MediaRestore:
    """One call of the command."""

    def __init__(self, command: BackupCommand, options: Mapping[str, Any]) -> None:
        self.command, self.options = command, options

    def run(self, reference: str) -> bool:
        """Raises CommandError, TrustbackupError."""
        self._check_options()
        singly = self.options["only_missing"] or bool(self.options["path"])
        into = self.options["into_folder"]
        request = MediaRequest(
            parts=tuple(self.options["part"]),
            into=Path(into).absolute() if into else None,
            beside=not singly,
            trusted=self.options["trust_manifest"] and names_a_file(reference),
            environment=self.options["from_environment"],
        )
        with self.command.progress(dict(self.options)) as report, local_data(reference) as found:
            plan = plan_media_restore(found, request, report, count=not self.options["path"])
            if self.options["dry_run"]:
                self._preview(plan) if self.options["path"] else self._show(plan)
                return not plan.refusals
        if plan.refusals:
            raise CommandError(
                f"Backup {plan.entry.id} was not restored. {' '.join(plan.refusals)}"
            )
        return self._restore(plan, reference, singly=singly)

    def _check_options(self) -> None:
        for name in _OTHERS:
            if self.options[name]:
                flag = name.replace("_", "-")
                raise CommandError(f"--{flag} is of databases, and these are uploaded files.")
        if self.options["overwrite"] and not self.options["path"]:
            raise UsageError("--overwrite goes with --path", todo="Add --path, or leave it out.")
        parse_overwrite(self.options["overwrite"])
        if self.options["only_missing"] and self.options["overwrite"]:
            raise UsageError("--only-missing replaces nothing", todo="Leave --overwrite out.")
        singly = self.options["only_missing"] or self.options["path"]
        if self.options["into_folder"] and singly:
            raise UsageError(
                "--into-folder restores everything elsewhere",
                todo="Leave --path and --only-missing out.",
            )

    def _restore(self, plan: MediaPlan, reference: str, *, singly: bool) -> bool:
        if not self.options["json"]:
            for warning in plan.warnings:
                self.command.stderr.write(warning)
        if not self.options["force"] and plan.request.into is None:
            self.command.confirm(f"{_question(plan, singly=singly)}?", "--force")
        with self.command.record_run("restore", plan.entry.id) as recorder:
            recorder.outcome["warnings"] = list(plan.warnings)
            note_overrides(recorder, self.options)
            with (
                only_run([MEDIA_LOCK], wait=False),
                self.command.progress(dict(self.options)) as report,
                local_data(reference),
            ):
                if singly:
                    return self._restore_files(plan, recorder, report)
                if plan.request.into is not None:
                    return self._restore_into(plan, recorder, report)
                done = restore_media(plan, report, on_folder=noting(recorder))
        self._print(plan, done)
        return True

    def _restore_files(self, plan: MediaPlan, recorder: RunRecorder, report: Reporter) -> bool:
        how = Overwrite.NEVER
        if not self.options["only_missing"]:
            how = parse_overwrite(self.options["overwrite"])
        results = restore_single_files(recorder, plan, self.options["path"], how, report)
        self._print_files(plan, results)
        return not recorder.partial

    def _print_files(self, plan: MediaPlan, results: list[FilesResult]) -> None:
        if self.options["json"]:
            self.command.print_json(
                {"id": plan.entry.id, "folders": {each.part: asdict(each) for each in results}}
            )
            return
        for each in results:
            text = f"{each.part}: {each.written:,} put back, {each.left:,} left as they are."
            self.command.stdout.write(self.command.style.SUCCESS(text))
            if each.replaced:
                self.command.stdout.write(f"  What was replaced is kept in {each.replaced}.")
            for problem in each.problems:
                self.command.stderr.write(plain(problem))

    def _restore_into(self, plan: MediaPlan, recorder: RunRecorder, report: Reporter) -> bool:
        done = restore_into(plan, report)
        recorder.outcome["folders"] = {part: str(path) for part, path, _files in done}
        if self.options["json"]:
            folders = {part: {"folder": str(path), "files": n} for part, path, n in done}
            self.command.print_json({"id": plan.entry.id, "folders": folders})
            return True
        for part, path, files in done:
            text = f"{path} has {part} of backup {plan.entry.id}: {files:,} files."
            self.command.stdout.write(self.command.style.SUCCESS(text))
        return True

    def _print(self, plan: MediaPlan, done: list[RestoredDatabase]) -> None:
        if self.options["json"]:
            folders = {item.alias: asdict(item) for item in done}
            self.command.print_json({"id": plan.entry.id, "folders": folders})
            return
        write = self.command.stdout.write
        for item in done:
            text = f"Folder {item.alias!r} is that of backup {plan.entry.id}: {item.rows:,} files."
            write(self.command.style.SUCCESS(text))
            if item.previous:
                write(f"  The old one is kept as {item.previous}.")
                write(f"  Undo: manage.py undo_restore {item.undo}")
                write(f"  Let it go: manage.py release_restore {item.undo}")

    def _show(self, plan: MediaPlan) -> None:
        if self.options["json"]:
            self.command.print_json(folders_as_json(plan))
            return
        signature = plan.signature.value if plan.signature else "without a manifest"
        heading = self.command.style.MIGRATE_HEADING(f"Backup {plan.entry.id}, {signature}")
        self.command.stdout.write(heading)
        show_folders(self.command, plan)
        show_objections(self.command, plan.warnings, plan.refusals)

    def _preview(self, plan: MediaPlan) -> None:
        """Of single files: how many there are, and what would become of them."""
        previews = [] if plan.refusals else preview_files(plan, self.options["path"])
        if self.options["json"]:
            found = {each.part: each.as_json() for each in previews}
            self.command.print_json({**folders_as_json(plan), "files": found})
            return
        how = parse_overwrite(self.options["overwrite"])
        rows = [
            (
                each.part,
                size(each.bytes),
                *(f"{n:,}" for n in (each.files, each.missing, each.replaced[how], each.newer)),
            )
            for each in previews
        ]
        if rows:
            header = ("PART", "SIZE", "FILES", "MISSING", "REPLACED", "NEWER THERE")
            self.command.stdout.write(table(header, rows, right=(1, 2, 3, 4, 5)))
        show_objections(self.command, plan.warnings, plan.refusals)


def show_folders(command: BackupCommand, plan: MediaPlan) -> None:
    """A table of what would become of each folder."""
    rows = []
    for each in plan.folders:
        unpacked = size(each.part.files.bytes if each.part.files else 0)
        where = str(each.target.live if each.target else plan.request.into)
        found = each.changes
        numbers = (found.added, found.changed, found.gone, found.same)
        rows.append((each.part.part, plain(where), unpacked, *(f"{n:,}" for n in numbers)))
    if rows:
        header = ("PART", "FOLDER", "UNPACKED", "MISSING", "CHANGED", "NOT IN IT", "AS IT IS")
        command.stdout.write(table(header, rows, right=(2, 3, 4, 5, 6)))


def _question(plan: MediaPlan, *, singly: bool) -> str:
    parts = ", ".join(each.part.part for each in plan.folders)
    if singly:
        return f"Put files of backup {plan.entry.id} back into {parts}"
    gone = sum(each.changes.gone for each in plan.folders)
    changed = sum(each.changes.changed for each in plan.folders)
    return (
        f"Replace {parts} by backup {plan.entry.id}"
        f" ({changed:,} files there differ, {gone:,} are not in it)"
    )


def folders_as_json(plan: MediaPlan) -> dict[str, Any]:
    return {
        "id": plan.entry.id,
        "signature": plan.signature.value if plan.signature else "",
        "refusals": list(plan.refusals),
        "warnings": list(plan.warnings),
        "folders": {
            each.part.part: {
                "folder": str(each.target.live if each.target else plan.request.into),
                "files": each.part.files.files if each.part.files else 0,
                "bytes": each.part.files.bytes if each.part.files else 0,
                **asdict(each.changes),
            }
            for each in plan.folders
        },
    }
