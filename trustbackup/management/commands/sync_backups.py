"""``manage.py sync_backups``: bring what is missing to destinations, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from trustbackup.exceptions import Cancelled, TrustbackupError, UsageError
from trustbackup.management.terminal import BackupCommand
from trustbackup.operations.places import all_places, find_place
from trustbackup.operations.sync import Difference, compare_with, sync


class Command(BackupCommand):
    help = "Copy the backups that a destination lacks; say what differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "destination", nargs="*", metavar="NAME|URL", help="Default: all that are set up."
        )
        parser.add_argument("--pull", action="store_true", help="Fetch what is missing here, too.")
        parser.add_argument("--no-push", action="store_true", help="Copy nothing there.")
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
                            found.append(compare_with(place))
                        else:
                            found.append(
                                sync(
                                    place,
                                    report,
                                    push=not options["no_push"],
                                    pull=options["pull"],
                                )
                            )
                    except Cancelled:
                        raise
                    except TrustbackupError as error:
                        # One destination that is down stops no other.
                        found.append(Difference(destination=place.name, errors=[str(error)]))
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
        for identifier, why in found.differing.items():
            self.stderr.write(f"{identifier} differs at {found.destination}: {why}")
        for error in found.errors:
            self.stderr.write(f"{found.destination}: {error}")
