"""``manage.py restore_backup``: go back to a backup."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from trustbackup.management.terminal import BackupCommand, seconds, size, table
from trustbackup.operations.elsewhere import at_hand
from trustbackup.operations.fetching import fetch_backup
from trustbackup.operations.places import find_place
from trustbackup.operations.plan import (
    IN_PLACE,
    INTO,
    SWAP,
    PartPlan,
    RestorePlan,
    RestoreRequest,
    plan_restore,
)
from trustbackup.operations.restore import Restored, restore_backup
from trustbackup.runs.lock import only_run

_FLAGS = {
    "--dry-run": "Show the plan; touch nothing.",
    "--force": "Do not ask.",
    "--swap": "Build the new database beside the live one and swap them (the default).",
    "--in-place": "Restore into the live database, in one transaction.",
    "--migrate": "Run the code's newer migrations on the restored database.",
    "--trust-manifest": "Restore although this site did not sign the manifest.",
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

    def run(self, options: dict[str, Any]) -> bool:
        request = _request(options)
        asked = options["dry_run"] or not options["force"]
        with contextlib.ExitStack() as stack:
            with self.progress(options) as report:
                reference = options["reference"]
                if options["source"]:
                    reference = fetch_backup(find_place(options["source"]), reference, report)
                if not options["dry_run"]:
                    reference = stack.enter_context(at_hand(reference, report))
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
        replaced = [part.alias for part in plan.parts if part.strategy != INTO]
        with self.recorded("restore", plan.entry.id) as life:
            with only_run(replaced, wait=False), self.progress(options) as report:
                done = restore_backup(plan, report)
            life.outcome["warnings"] = list(plan.warnings)
            life.outcome["databases"] = [asdict(item) for item in done.databases]
            if options["trust_manifest"]:
                life.outcome["override"] = "--trust-manifest"
        self._print(done, options)
        return True

    def _print(self, done: Restored, options: dict[str, Any]) -> None:
        if options["json"]:
            databases = {item.alias: asdict(item) for item in done.databases}
            self.print_json({"id": done.id, "databases": databases})
            return
        for item in done.databases:
            where = options["into"] or f"Database {item.alias!r}"
            text = f"{where} is that of backup {done.id}: {item.rows:,} rows."
            self.stdout.write(self.style.SUCCESS(text))
            if item.kept:
                self.stdout.write(f"  The old one is kept as {item.kept}.")
                self.stdout.write(f"  Undo: manage.py undo_restore {item.undo}")
                self.stdout.write(f"  Let it go: manage.py release_restore {item.undo}")
            if item.safety_backup:
                self.stdout.write(f"  The state before is backup {item.safety_backup}, kept.")
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
            self._show_part(part)
        if plan.seconds is not None:
            write(f"It takes about {seconds(plan.seconds)}, by the last drill.")
        for warning in plan.warnings:
            write(self.style.WARNING(warning))
        for refusal in plan.refusals:
            write(self.style.ERROR(f"Refused: {refusal}"))
        if not plan.refusals:
            write("Nothing was touched. Leave --dry-run out to do it.")

    def _show_part(self, part: PartPlan) -> None:
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
            (f"  {item.table}", _count(item.now), _count(item.then), _change(item.now, item.then))
            for item in part.differences
        ]
        write(table(("  TABLE", "NOW", "BACKUP", "CHANGE"), rows, right=(1, 2, 3)))


def _request(options: dict[str, Any]) -> RestoreRequest:
    if options["swap"] and options["in_place"]:
        raise CommandError("Say --swap or --in-place, not both.")
    strategy = SWAP if options["swap"] else IN_PLACE if options["in_place"] else ""
    return RestoreRequest(
        strategy=strategy,
        into=options["into"],
        tables=tuple(options["table"]),
        databases=tuple(options["database"]),
        trust_manifest=options["trust_manifest"],
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
    names = ", ".join(f"{app}.{name}" for app, name in shown[:8])
    more = f" and {len(shown) - 8} more" if len(shown) > 8 else ""
    if state.verdict == "newer":
        return f"newer than the code, which does not know {names}{more}"
    return f"older than the code's, to be run after it: {names}{more}"


def _count(rows: int | None) -> str:
    return "-" if rows is None else f"{rows:,}"


def _change(now: int | None, then: int | None) -> str:
    if now == then:
        return ""
    if now is None:
        return "comes back"
    if then is None:
        return "goes away"
    return f"{then - now:+,}"


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
