"""``manage.py label_backup``: say what a backup is called from now on."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from trustbackup.management.plain_output import plain
from trustbackup.management.terminal import BackupCommand
from trustbackup.operations.backup.keep import change_backup


class Command(BackupCommand):
    help = "Say what a backup is called from now on; its signed manifest stays as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("reference", metavar="ID|latest")
        parser.add_argument(
            "label", nargs="?", default="", metavar="NAME", help="Without one, as it was made."
        )

    def run(self, options: dict[str, Any]) -> bool:
        label = options["label"].strip()
        identifier = change_backup(options["reference"], label=label)
        if options["json"]:
            self.print_json({"id": identifier, "label": label})
        elif label:
            self.stdout.write(plain(f"Backup {identifier} is called {label}."))
        else:
            self.stdout.write(f"Backup {identifier} is called as it was made.")
        return True
