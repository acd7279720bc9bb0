"""``manage.py delete_backup``: delete backups for good."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from trustbackup.management.terminal import BackupCommand
from trustbackup.operations.backup.delete import delete_backups
from trustbackup.phrases import joined


class Command(BackupCommand):
    help = "Delete backups for good; protected ones stay, and the last good one of its sort."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("references", nargs="+", metavar="ID")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")
        parser.add_argument(
            "--last-good-too",
            action="store_true",
            help="Delete also the last one of its sort that is proven, or good, or complete.",
        )

    def run(self, options: dict[str, Any]) -> bool:
        if not options["yes"]:
            named = ", ".join(options["references"])
            self.confirm(f"Delete {named} for good?", "--yes")
        with self.record_run("delete", " ".join(options["references"])) as recorder:
            outcomes = delete_backups(options["references"], last_good_too=options["last_good_too"])
            recorder.outcome["deleted"] = [item.id for item in outcomes if not item.error]
            recorder.partial = joined(item.error for item in outcomes if item.error)
        if options["json"]:
            self.print_json(
                {
                    "deleted": [item.id for item in outcomes if not item.error],
                    "failed": [
                        {"id": item.id, "error": item.error} for item in outcomes if item.error
                    ],
                }
            )
        for item in outcomes:
            if item.error:
                self.stderr.write(item.error)
            elif not options["json"]:
                self.stdout.write(f"Backup {item.id} is deleted.")
        return not any(item.error for item in outcomes)
