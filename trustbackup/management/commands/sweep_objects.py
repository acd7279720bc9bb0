"""``manage.py sweep_objects``: remove objects that no backup names any more."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from trustbackup.management.terminal import BackupCommand, size
from trustbackup.operations.backup.sweep import SweepResult, sweep_objects
from trustbackup.operations.context import Context
from trustbackup.operations.offsite.sweep import sweep_objects_at
from trustbackup.operations.offsite.targets import find_destination


class Command(BackupCommand):
    help = "Remove objects that no backup names any more; deletions do it, too."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--at", default="", metavar="NAME|URL", help="Those at a destination, not those here."
        )
        parser.add_argument("--dry-run", action="store_true", help="Show what would be removed.")

    def run(self, options: dict[str, Any]) -> bool:
        dry_run, context = options["dry_run"], Context.current()
        if options["at"]:
            ref = find_destination(options["at"])
            with ref.open() as destination:
                swept = sweep_objects_at(context, destination, ref.name, dry_run=dry_run)
        else:
            swept = sweep_objects(context.folder, dry_run=dry_run)
        if options["json"]:
            self.print_json(
                {"removed": list(swept.removed), "bytes": swept.bytes, "young": swept.young}
            )
        else:
            self._print(swept, dry_run=dry_run)
        return True

    def _print(self, swept: SweepResult, *, dry_run: bool) -> None:
        done = "would be removed" if dry_run else "removed"
        self.stdout.write(f"Objects that no backup names: {len(swept.removed):,} {done}.")
        self.stdout.write(f"  {size(swept.bytes)}")
        if swept.young:
            self.stdout.write(f"  {swept.young:,} are young and stay for now")
