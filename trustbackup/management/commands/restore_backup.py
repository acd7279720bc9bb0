"""``manage.py restore_backup``: go back to a backup."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from trustbackup.management.app_restore import AppRestore, is_app
from trustbackup.management.media_restore import (
    MediaRestore,
    add_media_arguments,
    is_media,
    refuse_media_options,
)
from trustbackup.management.plain_output import plain
from trustbackup.management.terminal import BackupCommand, seconds, size, table
from trustbackup.operations.offsite.fetch import fetch_backup
from trustbackup.operations.offsite.hydrate import local_data
from trustbackup.operations.offsite.targets import find_destination
from trustbackup.operations.restore.comparison import RowDifference
from trustbackup.operations.restore.plan import (
    PartPlan,
    RestorePlan,
    RestoreRequest,
    plan_restore,
)
from trustbackup.operations.restore.restore import restore_backup
from trustbackup.operations.restore.result import RestoreResult
from trustbackup.operations.restore.source import names_a_file
from trustbackup.runs.lock import only_run
from trustbackup.runs.work import noting
from trustbackup.store.journal_entry import Strategy

_FLAGS = {
    "--dry-run": "Show the plan; touch nothing.",
    "--force": "Do not ask.",
    "--swap": "Build the new database beside the live one and swap them (the default).",
    "--in-place": "Restore into the live database, in one transaction.",
    "--migrate": "Run the code's newer migrations on the restored database.",
    "--trust-manifest": "Restore what this site did not sign; goes with the name of its file.",
    "--allow-unknown-migrations": "Restore although the backup is newer than the code.",
    "--no-privileges": "Leave grants out, where their roles are missing.",
    "--no-safety-backup": "Make no backup before an in-place restore.",
}


class Command(BackupCommand):
    help = "Go back to a backup: built beside the live database, compared, then swapped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("reference", metavar="ID|latest|PATH")
        for flag, text in _FLAGS.items():
            parser.add_argument(flag, action="store_true", help=text)
        parser.add_argument("--into", default="", metavar="NAME", help="Into another database.")
        parser.add_argument(
            "--table",
            action="append",
            default=[],
            metavar="TABLE",
            help="Only this table; may be repeated; goes with --into.",
        )
        parser.add_argument(
            "--database",
            action="append",
            default=[],
            metavar="ALIAS",
            help="Only this database of the backup; may be repeated.",
        )

        parser.add_argument(
            "--from",
            dest="source",
            default="",
            metavar="NAME|URL",
            help="Fetch it from a destination first.",
        )
        parser.add_argument(
            "--mode",
            default="",
            help="Of one app's data: add what is missing, update it, too (the default), or replace:"
            " rows that are not in the backup go.",
        )
        add_media_arguments(parser)

    def run(self, options: dict[str, Any]) -> bool:
        reference = options["reference"]
        if options["source"]:
            with self.progress(options) as report:
                reference = fetch_backup(find_destination(options["source"]), reference, report)
        if is_media(reference):
            return MediaRestore(self, options).run(reference)
        refuse_media_options(options)
        if is_app(reference):
            return AppRestore(self, options).run(reference)
        if options["mode"]:
            raise CommandError("--mode is of one app's data: leave it out.")
        request = _request(options)
        asked = options["dry_run"] or not options["force"]
        with contextlib.ExitStack() as stack:
            with self.progress(options) as report:
                if not options["dry_run"]:
                    reference = stack.enter_context(local_data(reference, report))
                plan = plan_restore(reference, request, report, count=asked)
            if options["dry_run"]:
                self._show(plan, options)
                return not plan.refusals
            return self._restore(plan, options, asked=asked)

    def _restore(self, plan: RestorePlan, options: dict[str, Any], *, asked: bool) -> bool:
        if plan.refusals:
            raise CommandError(
                f"Backup {plan.entry.id} was not restored. {' '.join(plan.refusals)}"
            )
        if not options["json"]:
            for warning in plan.warnings:
                self.stderr.write(warning)
        if asked and plan.rows_now:
            aliases = ", ".join(part.alias for part in plan.parts)
            self.confirm(
                f"Replace {aliases} ({plan.rows_now:,} rows) by backup {plan.entry.id}?", "--force"
            )
        replaced = [part.alias for part in plan.parts if part.strategy is not Strategy.INTO]
        with self.record_run("restore", plan.entry.id) as recorder:
            recorder.outcome["warnings"] = list(plan.warnings)
            if options["trust_manifest"]:
                recorder.outcome["override"] = "--trust-manifest"
            with only_run(replaced, wait=False), self.progress(options) as report:
                done = restore_backup(plan, report, on_database=noting(recorder))
        self._print(done, options)
        return True

    def _print(self, done: RestoreResult, options: dict[str, Any]) -> None:
        if options["json"]:
            databases = {item.alias: asdict(item) for item in done.databases}
            self.print_json({"id": done.id, "databases": databases})
            return
        for item in done.databases:
            where = options["into"] or f"Database {item.alias!r}"
            text = f"{where} is that of backup {done.id}: {item.rows:,} rows."
            self.stdout.write(self.style.SUCCESS(text))
            if item.previous:
                self.stdout.write(f"  The old one is kept as {item.previous}.")
                self.stdout.write(f"  Undo: manage.py undo_restore {item.undo}")
                self.stdout.write(f"  Let it go: manage.py release_restore {item.undo}")
            if item.safety_backup:
                self.stdout.write(f"  The state before is backup {item.safety_backup}, protected.")
            for note in item.notes:
                self.stdout.write(f"  {note}")

    def _show(self, plan: RestorePlan, options: dict[str, Any]) -> None:
        if options["json"]:
            self.print_json(_as_json(plan))
            return
        write = self.stdout.write
        signature = plan.signature.value if plan.signature else "without a manifest"
        write(self.style.MIGRATE_HEADING(f"Backup {plan.entry.id}, {signature}"))
        for part in plan.parts:
            self._show_part(part, every_table=options["verbosity"] > 1)
        if plan.seconds is not None:
            write(f"It takes about {seconds(plan.seconds)}, by the last drill.")
        for warning in plan.warnings:
            write(self.style.WARNING(plain(warning)))
        for refusal in plan.refusals:
            write(self.style.ERROR(f"Refused: {plain(refusal)}"))
        if not plan.refusals:
            write("Nothing was touched. Leave --dry-run out to do it.")

    def _show_part(self, part: PartPlan, *, every_table: bool) -> None:
        write = self.stdout.write
        unpacked = f", {size(part.part.raw_bytes)} unpacked" if part.part else ""
        write(f"\n{part.alias}: {part.format}{unpacked}")
        write(f"  strategy: {part.strategy}, because {part.why}")
        if part.migrations is not None:
            write(f"  migrations: {_migrations(part)}")
        if part.part is None:
            write("  its rows are not known before it is loaded")
            return
        rows = [
            (
                f"  {plain(item.table)}",
                _count(item.now),
                _count(item.then),
                _change(item),
            )
            for item in sorted(part.differences, key=lambda item: not item.changes)
            if item.changes or every_table
        ]
        if rows:
            write(table(("  TABLE", "NOW", "BACKUP", "CHANGE"), rows, right=(1, 2, 3)))
        folded = len(part.differences) - len(rows)
        if folded:
            tables = "1 table keeps its" if folded == 1 else f"{folded} tables keep their"
            write(f"  {tables} number of rows (--verbosity 2 shows every table)")


def _request(options: dict[str, Any]) -> RestoreRequest:
    if options["swap"] and options["in_place"]:
        raise CommandError("Say --swap or --in-place, not both.")
    strategy = None
    if options["swap"] or options["in_place"]:
        strategy = Strategy.SWAP if options["swap"] else Strategy.IN_PLACE
    return RestoreRequest(
        strategy=strategy,
        into=options["into"],
        tables=tuple(options["table"]),
        databases=tuple(options["database"]),
        trust_manifest=options["trust_manifest"],
        named_by_file=names_a_file(options["reference"]),
        allow_unknown_migrations=options["allow_unknown_migrations"],
        migrate=options["migrate"],
        privileges=not options["no_privileges"],
        safety_backup=not options["no_safety_backup"],
    )


def _migrations(part: PartPlan) -> str:
    state = part.migrations
    if state is None or state.verdict == "same":
        return "the same as the code's"
    shown = state.unknown or state.forward
    names = plain(", ".join(f"{app}.{name}" for app, name in shown[:8]))
    more = f" and {len(shown) - 8} more" if len(shown) > 8 else ""
    if state.verdict == "newer":
        return f"newer than the code, which does not know {names}{more}"
    return f"older than the code's, to be run after it: {names}{more}"


def _count(rows: int | None) -> str:
    return "-" if rows is None else f"{rows:,}"


def _change(item: RowDifference) -> str:
    if item.stays:
        return "stays as it is"
    if item.now == item.then:
        return ""
    if item.now is None:
        return "comes back"
    if item.then is None:
        return "goes away"
    return f"{item.then - item.now:+,}"


def _as_json(plan: RestorePlan) -> dict[str, object]:
    return {
        "id": plan.entry.id,
        "signature": plan.signature.value if plan.signature else "",
        "refusals": list(plan.refusals),
        "warnings": list(plan.warnings),
        "seconds": plan.seconds,
        "databases": {
            part.alias: {
                "strategy": part.strategy,
                "why": part.why,
                "format": part.format,
                "rows_now": part.rows_now,
                "rows_then": part.part.rows if part.part else None,
                "migrations": part.migrations.verdict if part.migrations else None,
                "forward": [".".join(key) for key in part.migrations.forward]
                if part.migrations
                else [],
                "unknown": [".".join(key) for key in part.migrations.unknown]
                if part.migrations
                else [],
                "differences": [asdict(item) for item in part.differences],
            }
            for part in plan.parts
        },
    }
