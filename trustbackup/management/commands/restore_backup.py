"""``manage.py restore_backup``: go back to a backup."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from trustbackup.management.terminal import BackupCommand
from trustbackup.operations.restore import plan_restore, restore_backup


class Command(BackupCommand):
    help = "Build a backup's database beside the live one, compare it, then swap them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("reference", metavar="ID|latest|PATH")
        parser.add_argument("--force", action="store_true", help="Do not ask.")
        parser.add_argument(
            "--trust-manifest",
            action="store_true",
            help="Restore although the manifest is not signed by this site.",
        )

    def run(self, options: dict[str, Any]) -> bool:
        with self.progress(options) as report:
            plan = plan_restore(options["reference"], report)
        aliases = ", ".join(alias for alias, _file, _part in plan.parts)
        if plan.rows_now and not options["force"]:
            self.confirm(
                f"Replace {aliases} ({plan.rows_now:,} rows) by backup {plan.entry.id}?", "--force"
            )
        with self.progress(options) as report:
            done = restore_backup(plan, trust_manifest=options["trust_manifest"], report=report)
        if options["json"]:
            self.print_json(
                {
                    "id": done.id,
                    "databases": {
                        alias: {"rows": rows, "kept": done.kept.get(alias)}
                        for alias, rows in done.rows.items()
                    },
                }
            )
            return True
        for alias, rows in done.rows.items():
            text = f"Database {alias!r} is that of backup {done.id}: {rows:,} rows."
            self.stdout.write(self.style.SUCCESS(text))
            if alias in done.kept:
                self.stdout.write(f"  The old one is kept as {done.kept[alias]}.")
        return True
