"""``manage.py carry_run``: carry a run that the page has asked for; not for people."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.management.base import CommandParser

from trustbackup.exceptions import UsageError
from trustbackup.management.terminal import BackupCommand
from trustbackup.runs.execute import execute


class Command(BackupCommand):
    help = "Carry a run that the settings page has asked for to its end."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", help="The run's id.")

    def run(self, options: dict[str, Any]) -> bool:
        try:
            identifier = uuid.UUID(options["run"])
        except ValueError:
            raise UsageError(
                f"{options['run']!r} is no run's id", todo="The page starts runs by itself."
            ) from None
        run = execute(identifier, own_process=True)
        return run is not None and run.state == run.State.SUCCEEDED
