"""``manage.py release_restore``: drop the old database that a restore kept."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from trustbackup.management.terminal import BackupCommand
from trustbackup.operations.site import Site
from trustbackup.operations.undo import release_restore
from trustbackup.store.journal import find


class Command(BackupCommand):
    help = "Drop the old database of a restore, which then can't be undone any more."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", nargs="?", default="", help="Default: the newest restore.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def run(self, options: dict[str, Any]) -> bool:
        entry = find(Site.current().settings.root, options["run"])
        if not options["yes"]:
            self.confirm(f"Drop {entry.kept} for good?", "--yes")
        with self.recorded("release", entry.id) as life:
            entry = release_restore(entry.id)
            life.outcome["dropped"] = entry.kept
        if options["json"]:
            self.print_json(asdict(entry))
        else:
            self.stdout.write(f"{entry.kept} is dropped.")
        return True
