"""``manage.py test_destination``: step by step, whether copies can go there."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from trustbackup.management.terminal import BackupCommand, seconds
from trustbackup.operations.offsite.connection_test import steps_of
from trustbackup.operations.offsite.targets import find_destination

SHOWN = ("name", "ok", "seconds", "detail")


class Command(BackupCommand):
    help = "Test the connection to a destination; what is written for it is deleted again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("destination", metavar="NAME|URL")

    def run(self, options: dict[str, Any]) -> bool:
        ref = find_destination(options["destination"])
        steps = []
        with ref.open() as destination:
            for step in steps_of(destination):
                steps.append(step)
                if not options["json"]:
                    mark = self.style.SUCCESS("ok") if step.ok else self.style.ERROR("FAILED")
                    said = f"  {step.detail}" if step.detail else ""
                    self.stdout.write(f"{step.name:<14} {mark}  {seconds(step.seconds)}{said}")
        ok = bool(steps) and all(step.ok for step in steps)
        if options["json"]:
            shown = [{key: asdict(step)[key] for key in SHOWN} for step in steps]
            self.print_json({"destination": ref.name, "ok": ok, "steps": shown})
        elif ok:
            self.stdout.write(self.style.SUCCESS(f"{ref.name} can be used."))
        return ok
