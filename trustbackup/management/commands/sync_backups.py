"""``manage.py sync_backups``: bring what is missing to destinations, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from trustbackup.management.terminal import BackupCommand
from trustbackup.operations.offsite.compare import SyncResult
from trustbackup.runs.sync_work import compare_each, note_sync, places_to_sync, sync_each


class Command(BackupCommand):
    help = "Copy the backups that a destination lacks and its rules keep; say what differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "destination", nargs="*", metavar="NAME|URL", help="Default: all that are set up."
        )
        parser.add_argument("--pull", action="store_true", help="Fetch what is missing here, too.")
        parser.add_argument("--no-push", action="store_true", help="Copy nothing there.")
        parser.add_argument(
            "--backup",
            action="append",
            default=[],
            metavar="ID",
            help="Only this one, whatever the rules of retention say; may be repeated. With --pull"
            " its data comes back, even if it was dropped here on purpose.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Only say what differs.")

    def run(self, options: dict[str, Any]) -> bool:
        refs = places_to_sync(options["destination"])
        if options["no_push"] and not options["pull"] and not options["dry_run"]:
            raise CommandError("--no-push alone would do nothing: add --pull or --dry-run.")
        names = ", ".join(ref.name for ref in refs)
        with self.record_run("sync", names) as recorder, self.progress(options) as report:
            if options["dry_run"]:
                found = compare_each(refs, options["backup"])
            else:
                found = sync_each(
                    recorder,
                    refs,
                    report,
                    push=not options["no_push"],
                    pull=options["pull"],
                    backups=options["backup"],
                )
            note_sync(recorder, found)
        if options["json"]:
            self.print_json([{**asdict(item), "ok": item.ok} for item in found])
        else:
            for item in found:
                self._print(item, options)
        return all(item.ok for item in found)

    def _print(self, found: SyncResult, options: dict[str, Any]) -> None:
        self._print_copies(found, options)
        write = self.stdout.write
        for identifier in found.offloaded:
            write(
                f"{identifier} has its data elsewhere, on purpose, and not at {found.destination}."
            )
        for identifier, why in found.differing.items():
            self.stderr.write(f"{identifier} differs at {found.destination}: {why}")
        for identifier, why in found.incomplete.items():
            self.stderr.write(f"{identifier} is not complete at {found.destination}: {why}")
        for sentence in (*found.notes, *found.errors):
            self.stderr.write(f"{found.destination}: {sentence}")

    def _print_copies(self, found: SyncResult, options: dict[str, Any]) -> None:
        write = self.stdout.write
        done = [copied for copied in found.copied if not copied.error]
        if found.ok and not found.only_here and not found.only_there:
            text = f"{found.destination} has every backup that is here ({len(found.both)})."
            if found.unwanted:
                text = f"{found.destination} has every backup that its rules keep."
            write(self.style.SUCCESS(text))
        if number := len(found.unwanted):
            which = "1 backup is" if number == 1 else f"{number} backups are"
            write(
                f"{which} not copied to {found.destination}, whose rules would delete again what is"
                " copied; --backup ID copies one all the same."
            )
        for copied in done:
            write(f"{copied.id} was copied to {found.destination}.")
        for identifier in found.fetched:
            write(f"{identifier} was fetched from {found.destination}.")
        if options["dry_run"] or options["no_push"]:
            for identifier in found.only_here:
                write(f"{identifier} is not at {found.destination}.")
        for identifier in found.only_there:
            if identifier not in found.fetched:
                write(f"{identifier} is at {found.destination} only.")
