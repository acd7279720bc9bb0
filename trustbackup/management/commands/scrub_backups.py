"""``manage.py scrub_backups``: read copies again before anybody needs them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandParser

from trustbackup.management.terminal import BackupCommand, size
from trustbackup.operations.offsite.scrub import ScrubbedCopy, scrub_copies
from trustbackup.runs.scrub import run_scrub


class Command(BackupCommand):
    help = "Read the copies again whose check is the oldest, within today's budget."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be read.")

    def run(self, options: dict[str, Any]) -> bool:
        if options["dry_run"]:
            result = scrub_copies(datetime.now(UTC), dry_run=True)
        else:
            with self.record_run("scrub") as recorder, self.progress(options) as report:
                result = run_scrub(recorder, report)
        if options["json"]:
            copies = [asdict(copy) for copy in result.copies]
            self.print_json({"copies": copies, "bytes": result.bytes, "ok": result.ok})
            return result.ok
        for copy in result.copies:
            self._print(copy, dry_run=options["dry_run"])
        if not result.copies:
            self.stdout.write("No copy is due to be read again, or today's budget is used up.")
        return result.ok

    def _print(self, copy: ScrubbedCopy, *, dry_run: bool) -> None:
        where = f"at {copy.place}" if copy.place else "here"
        if copy.error:
            self.stderr.write(f"Backup {copy.id} {where} can't be read now: {copy.error}")
        elif copy.problems:
            self.stderr.write(f"Backup {copy.id} {where} is not good: {' '.join(copy.problems)}")
        else:
            said = "would be read" if dry_run else "is whole"
            self.stdout.write(f"Backup {copy.id} {where} {said} ({size(copy.bytes)}).")
