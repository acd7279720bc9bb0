"""``manage.py confirm_backup``: an odd backup is right, and pruning goes on."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from trustbackup.management.terminal import BackupCommand
from trustbackup.operations.backup.anomalies import confirm_anomalies
from trustbackup.runs.recorder import record_event, system_user


class Command(BackupCommand):
    help = "Say of backups that look odd that they are right; pruning pauses until then."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("backups", nargs="+", metavar="ID", help="An id, latest, or a file.")

    def run(self, options: dict[str, Any]) -> bool:
        confirmed = []
        for reference in options["backups"]:
            identifier = confirm_anomalies(reference)
            record_event("confirm", identifier, actor=f"{system_user()} (command)")
            confirmed.append(identifier)
            if not options["json"]:
                self.stdout.write(f"Backup {identifier} is right.")
        if options["json"]:
            self.print_json({"confirmed": confirmed})
        return True
