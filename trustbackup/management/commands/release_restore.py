"""``manage.py release_restore``: drop the old database that a restore kept."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from trustbackup.management.terminal import BackupCommand
from trustbackup.operations.context import Context
from trustbackup.operations.restore.undo import release_restore


class Command(BackupCommand):
    help = "Drop the old database of a restore, which then can't be undone any more."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", nargs="?", default="", help="Default: the newest restore.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def run(self, options: dict[str, Any]) -> bool:
        entries = Context.current().journal.find(options["run"])
        names = " and ".join(entry.previous for entry in entries)
        if not options["yes"]:
            self.confirm(f"Drop {names} for good?", "--yes")
        with self.record_run("release", entries[0].id) as recorder:
            notes: list[str] = []
            entries = list(release_restore(entries[0].id, notes.append))
            recorder.outcome["dropped"] = names
        if options["json"]:
            self.print_json([asdict(entry) for entry in entries])
        else:
            self.stdout.write(f"{names} dropped.")
        for note in notes:
            self.stderr.write(note)
        return True
