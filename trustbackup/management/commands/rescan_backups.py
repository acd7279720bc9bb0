"""``manage.py rescan_backups``: make the index anew from the backup folder."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from trustbackup.management.terminal import BackupCommand
from trustbackup.operations.backup.rescan import rescan_backups
from trustbackup.runs.queue import fail_stale_runs


class Command(BackupCommand):
    help = "Read the backup folder again and make the index anew."

    def run(self, options: dict[str, Any]) -> bool:
        found = rescan_backups()
        # What a killed run left beside the backups goes with its row, where there is a table.
        with contextlib.suppress(DatabaseError, ImproperlyConfigured):
            fail_stale_runs()
        total = sum(found.states.values())
        if options["json"]:
            self.print_json({"backups": total, **asdict(found)})
            return True
        states = ", ".join(f"{count} {state}" for state, count in found.states.items() if count)
        self.stdout.write(f"The folder holds {total} backups{f' ({states})' if states else ''}.")
        for identifier in found.cleaned:
            self.stdout.write(f"Cleaned up what an interrupted run had left of {identifier}.")
        for name in found.passed_over:
            self.stdout.write(f"{name} is no regular file: it is passed over. Move it away.")
        for identifier, problem in found.problems.items():
            self.stdout.write(f"{identifier}: {problem}")
        return True
