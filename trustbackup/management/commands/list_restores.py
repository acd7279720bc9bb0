"""``manage.py list_restores``: the restores that can be undone."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from trustbackup.management.terminal import BackupCommand, table
from trustbackup.operations.context import Context
from trustbackup.operations.restore.recover import strange_entries
from trustbackup.operations.restore.undo import list_restores


class Command(BackupCommand):
    help = "List the restores that can be undone, newest first."

    def run(self, options: dict[str, Any]) -> bool:
        entries = list_restores()
        for sentence in strange_entries(Context.current()):
            self.stderr.write(sentence)
        if options["json"]:
            self.print_json([asdict(entry) for entry in entries])
        elif not entries:
            self.stdout.write("There is no restore to undo.")
        else:
            rows = [
                (entry.id, entry.started[:19], entry.alias, entry.backup, entry.previous)
                for entry in entries
            ]
            self.stdout.write(
                table(("RUN", "STARTED (UTC)", "DATABASE", "BACKUP", "KEPT AS"), rows)
            )
        return True
