"""``manage.py sync_backups``: bring what is missing to destinations, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from trustbackup.exceptions import Cancelled, TrustbackupError, UsageError
from trustbackup.management.terminal import BackupCommand
from trustbackup.operations.places import Place, all_places, find_place
from trustbackup.operations.site import Reporter
from trustbackup.operations.sync import Difference, compare_with, sync
from trustbackup.runs.life import Life
from trustbackup.runs.work import drop_after


class Command(BackupCommand):
    help = "Copy the backups that a destination lacks; say what differs."

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
            help="Only this one; may be repeated. With --pull its data comes back, even if it was"
            " dropped here on purpose.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Only say what differs.")

    def run(self, options: dict[str, Any]) -> bool:
        places = [find_place(name) for name in options["destination"]] or all_places()
        if not places:
            raise UsageError(
                "There is no destination to sync with", todo="Add one on the page, or give a URL."
            )
        if options["no_push"] and not options["pull"] and not options["dry_run"]:
            raise CommandError("--no-push alone would do nothing: add --pull or --dry-run.")
        found: list[Difference] = []
        names = ", ".join(place.name for place in places)
        with self.recorded("sync", names) as life:
            for place in places:
                with self.progress(options) as report:
                    try:
                        if options["dry_run"]:
                            found.append(compare_with(place, options["backup"]))
                        else:
                            found.append(
                                sync(
                                    place,
                                    report,
                                    push=not options["no_push"],
                                    pull=options["pull"],
                                    backups=options["backup"],
                                )
                            )
                    except Cancelled:
                        raise
                    except TrustbackupError as error:
                        # One destination that is down stops no other.
                        found.append(Difference(destination=place.name, errors=[str(error)]))
            if not options["dry_run"]:
                with self.progress(options) as report:
                    _drop(life, places, found, report)
            life.outcome["copied"] = sum(len(item.copied) for item in found)
            life.outcome["fetched"] = sum(len(item.fetched) for item in found)
            life.partial = " ".join(error for item in found for error in item.errors)
        if options["json"]:
            self.print_json([{**asdict(item), "ok": item.ok} for item in found])
        else:
            for item in found:
                self._print(item, options)
        return all(item.ok for item in found)

    def _print(self, found: Difference, options: dict[str, Any]) -> None:
        self._print_copies(found, options)
        write = self.stdout.write
        for identifier in found.elsewhere:
            write(
                f"{identifier} has its data elsewhere, on purpose, and not at {found.destination}."
            )
        for identifier, why in found.differing.items():
            self.stderr.write(f"{identifier} differs at {found.destination}: {why}")
        for sentence in (*found.notes, *found.errors):
            self.stderr.write(f"{found.destination}: {sentence}")

    def _print_copies(self, found: Difference, options: dict[str, Any]) -> None:
        write = self.stdout.write
        done = [copied for copied in found.copied if not copied.error]
        if not found.errors and not found.only_here and not found.only_there:
            text = f"{found.destination} has every backup that is here ({len(found.both)})."
            write(self.style.SUCCESS(text))
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


def _drop(life: Life, places: list[Place], found: list[Difference], report: Reporter) -> None:
    copies = [copied for item in found for copied in item.copied]
    fetched = [key for item in found for key in item.fetched]
    drop_after(life, places, copies, report, spare=fetched)
