"""``manage.py keep_backup``: protect backups from being deleted, or release them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from trustbackup.management.terminal import BackupCommand
from trustbackup.operations.keep import keep_backup


class Command(BackupCommand):
    help = "Keep backups: they are not deleted until they are released."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("references", nargs="+", metavar="ID")
        parser.add_argument("--release", action="store_true", help="Keep them no longer.")

    def run(self, options: dict[str, Any]) -> bool:
        kept = not options["release"]
        ids = [keep_backup(reference, kept=kept) for reference in options["references"]]
        if options["json"]:
            self.print_json({"ids": ids, "kept": kept})
        else:
            for identifier in ids:
                self.stdout.write(f"Backup {identifier} is {'kept' if kept else 'released'}.")
        return True
