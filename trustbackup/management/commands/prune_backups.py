"""``manage.py prune_backups``: delete old backups, never the last good one."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from trustbackup.management.terminal import BackupCommand
from trustbackup.operations.prune import prune_backups


class Command(BackupCommand):
    help = "Keep the newest backups of each sort; the last verified one always stays."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--keep", type=int, required=True, metavar="N")
        parser.add_argument("--dry-run", action="store_true", help="Only say what would go.")

    def run(self, options: dict[str, Any]) -> bool:
        if options["dry_run"]:
            pruning = prune_backups(keep=options["keep"], dry_run=True)
        else:
            with self.recorded("prune", f"keep {options['keep']}") as life:
                pruning = prune_backups(keep=options["keep"])
                life.outcome["deleted"] = [x.id for x in pruning.outcomes if not x.error]
        failed = [item for item in pruning.outcomes if item.error]
        if options["json"]:
            self.print_json(
                {
                    "going": list(pruning.going),
                    "deleted": [item.id for item in pruning.outcomes if not item.error],
                    "failed": [{"id": item.id, "error": item.error} for item in failed],
                }
            )
            return not failed
        verb = "would be deleted" if options["dry_run"] else "is deleted"
        for identifier in pruning.going:
            if identifier not in [item.id for item in failed]:
                self.stdout.write(f"Backup {identifier} {verb}.")
        if not pruning.going:
            self.stdout.write("No backup may go: the newest stay, and the last verified one.")
        for item in failed:
            self.stderr.write(item.error)
        return not failed
