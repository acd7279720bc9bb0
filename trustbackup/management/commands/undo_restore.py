"""``manage.py undo_restore``: swap the old database back in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from trustbackup.management.terminal import BackupCommand
from trustbackup.operations.context import Context
from trustbackup.operations.restore.doors import COMMAND, check_door
from trustbackup.operations.restore.undo import find_undoable, undo_restore
from trustbackup.runs.lock import only_run
from trustbackup.runs.recorder import noting
from trustbackup.store.journal_entry import is_folder


class Command(BackupCommand):
    help = "Undo a restore: the old databases are swapped back in, the restored ones are kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", nargs="?", default="", help="Default: the newest restore.")

    def run(self, options: dict[str, Any]) -> bool:
        check_door(COMMAND)
        entries = find_undoable(Context.current(), options["run"])
        with (
            self.record_run("undo", options["run"] or entries[0].restore) as recorder,
            self.progress(options) as report,
            only_run([entry.alias for entry in entries], wait=False),
        ):
            done = undo_restore(entries[0].restore, report, on_database=noting(recorder))
        if options["json"]:
            databases = {item.alias: asdict(item) for item in done}
            self.print_json({**asdict(done[0]), "databases": databases})
            return True
        for item in done:
            subject = "Folder" if is_folder(item.alias) else "Database"
            counted = "" if is_folder(item.alias) else f": {item.rows:,} rows"
            text = f"{subject} {item.alias!r} is the one before the restore{counted}."
            self.stdout.write(self.style.SUCCESS(text))
            if item.previous:
                self.stdout.write(f"  The restored one is kept as {item.previous}.")
        if not done[0].undo:
            return True
        self.stdout.write(f"  Back to the restored state: manage.py undo_restore {done[0].undo}")
        self.stdout.write(f"  Let it go: manage.py release_restore {done[0].undo}")
        return True
