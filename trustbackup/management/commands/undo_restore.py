"""``manage.py undo_restore``: swap the old database back in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from trustbackup.management.terminal import BackupCommand
from trustbackup.operations.undo import find_restore, undo_restore
from trustbackup.runs.lock import only_run


class Command(BackupCommand):
    help = "Undo a restore: the old database is swapped back in, the restored one is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", nargs="?", default="", help="Default: the newest restore.")

    def run(self, options: dict[str, Any]) -> bool:
        alias = find_restore(options["run"]).alias
        with (
            self.recorded("undo", options["run"]) as life,
            self.progress(options) as report,
            only_run([alias], wait=False),
        ):
            done = undo_restore(options["run"], report)
            life.outcome.update(asdict(done))
        if options["json"]:
            self.print_json(asdict(done))
            return True
        text = f"Database {done.alias!r} is the one before the restore: {done.rows:,} rows."
        self.stdout.write(self.style.SUCCESS(text))
        self.stdout.write(f"  The restored one is kept as {done.kept}.")
        self.stdout.write(f"  Back to it: manage.py undo_restore {done.undo}")
        self.stdout.write(f"  Let it go: manage.py release_restore {done.undo}")
        return True
