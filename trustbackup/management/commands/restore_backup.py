"""``manage.py restore_backup``: go back to a backup."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from trustbackup.management.backup_type import Chosen, has_buckets
from trustbackup.management.database_plan import databases_as_json, show_databases
from trustbackup.management.identity import add_identity_argument
from trustbackup.management.if_empty import are_empty
from trustbackup.management.media_options import add_media_arguments, refuse_media_options
from trustbackup.management.overrides import note_overrides
from trustbackup.management.terminal import BackupCommand, show_objections
from trustbackup.operations.offsite.hydrate import local_data
from trustbackup.operations.restore.doors import COMMAND, check_door
from trustbackup.operations.restore.plan import (
    RestorePlan,
    RestoreRequest,
    plan_restore,
)
from trustbackup.operations.restore.restore import restore_backup
from trustbackup.operations.restore.result import RestoreResult
from trustbackup.operations.restore.source import names_a_file
from trustbackup.runs.lock import only_run
from trustbackup.runs.recorder import noting
from trustbackup.store.journal_entry import Strategy

_FLAGS = {
    "--dry-run": "Show the plan; touch nothing.",
    "--force": "Do not ask.",
    "--if-empty": "Only into databases without rows, unasked; do nothing where there are some.",
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
            "--from-environment",
            default="",
            metavar="NAME",
            help="Restore it although it was made in this environment, and here is another.",
        )
        parser.add_argument(
            "--mode",
            default="",
            help="Of one app's data: add what is missing, update it, too (the default), or replace:"
            " rows that are not in the backup go.",
        )
        add_media_arguments(parser)
        add_identity_argument(parser)

    def run(self, options: dict[str, Any]) -> bool:
        if options["if_empty"]:
            if not are_empty(options):
                self._say_filled(options)
                return True
            options = {**options, "force": True}
        if not options["dry_run"]:
            check_door(COMMAND)
        reference = options["reference"]
        # What brings one sort of backup back is loaded for that.
        if options["source"]:
            from trustbackup.operations.offsite.fetch import fetch_backup
            from trustbackup.operations.offsite.targets import find_destination

            with self.progress(options) as report:
                reference = fetch_backup(find_destination(options["source"]), reference, report)
        if not has_buckets(reference):
            return self._restore_rest(reference, options)
        from trustbackup.management.bucket_restore import BucketRestore, choose_buckets

        buckets = choose_buckets(reference, options)
        if not buckets.parts:
            return self._restore_rest(reference, options)
        if options["if_empty"] and buckets.alone:
            raise CommandError(f"--if-empty is of databases: backup {reference} restores none.")
        restore = BucketRestore(self, options, buckets)
        restore.plan(reference)  # before anything else is changed
        went_well = buckets.alone or self._restore_rest(reference, buckets.others)
        return restore.carry_out(reference) and went_well

    def _restore_rest(self, reference: str, options: dict[str, Any]) -> bool:
        chosen = Chosen(reference, options)
        if options["if_empty"] and not chosen.together and (chosen.folders or chosen.rows):
            raise CommandError(f"--if-empty is of databases: backup {reference} restores none.")
        if chosen.together:
            from trustbackup.management.full_restore import FullRestore

            return FullRestore(self, options, _request(options)).run(reference)
        options = chosen.options(options)
        if chosen.folders:
            from trustbackup.management.media_restore import MediaRestore

            return MediaRestore(self, options).run(reference)
        refuse_media_options(options)
        if chosen.rows:
            from trustbackup.management.app_restore import AppRestore

            return AppRestore(self, options).run(reference)
        return self._restore_databases(reference, options)

    def _restore_databases(self, reference: str, options: dict[str, Any]) -> bool:
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
            note_overrides(recorder, options)
            with only_run(replaced, wait=False), self.progress(options) as report:
                if options["if_empty"] and not are_empty(options):
                    raise CommandError("Rows came into the database meanwhile: it is left alone.")
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

    def _say_filled(self, options: dict[str, Any]) -> None:
        if options["json"]:
            self.print_json({"id": None, "databases": {}})
        else:
            self.stdout.write("The database has rows: nothing was restored.")

    def _show(self, plan: RestorePlan, options: dict[str, Any]) -> None:
        if options["json"]:
            self.print_json(databases_as_json(plan))
            return
        show_databases(self, plan, every_table=options["verbosity"] > 1)
        show_objections(self, plan.warnings, plan.refusals)


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
        environment=options["from_environment"],
    )
