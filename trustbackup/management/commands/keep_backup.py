"""``manage.py keep_backup``: protect backups from being deleted, or release them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from trustbackup.management.terminal import BackupCommand
from trustbackup.operations.backup.keep import keep_backup


class Command(BackupCommand):
    help = "Protect backups: they are not deleted until they are released."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("references", nargs="+", metavar="ID")
        parser.add_argument("--release", action="store_true", help="Protect them no longer.")

    def run(self, options: dict[str, Any]) -> bool:
        protected = not options["release"]
        ids = [keep_backup(reference, protected=protected) for reference in options["references"]]
        if options["json"]:
            self.print_json({"ids": ids, "protected": protected})
        else:
            for identifier in ids:
                state = "protected" if protected else "released"
                self.stdout.write(f"Backup {identifier} is {state}.")
        return True
