"""``manage.py add_to_backups``: a plan for one app's data."""

from __future__ import annotations

import socket
from typing import Any

from django.core.management.base import CommandParser

from trustbackup.management.terminal import BackupCommand
from trustbackup.operations.plans.add_app import add_app_plan
from trustbackup.operations.plans.wording import describe_schedule
from trustbackup.runs.recorder import record_event, system_user


class Command(BackupCommand):
    help = "Add a plan that backs one app's data up every night."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("app", metavar="APP", help="The app's label, such as shop.")
        parser.add_argument(
            "--database",
            default="",
            metavar="ALIAS",
            help="Another database than the one that the app's models are written to.",
        )

    def run(self, options: dict[str, Any]) -> bool:
        spec = add_app_plan(options["app"], options["database"])
        actor = f"{system_user()} (command)"
        record_event("add plan", spec.name, actor=actor, address=socket.gethostname())
        schedule = spec.schedule
        words = describe_schedule(schedule) if schedule else ""
        if options["json"]:
            self.print_json(
                {
                    "plan": spec.name,
                    "app": spec.app,
                    "database": options["database"],
                    "schedule": schedule.cron if schedule else "",
                    "zone": schedule.zone if schedule else "",
                }
            )
            return True
        self.stdout.write(
            self.style.SUCCESS(f"Plan {spec.name} backs the data of app {spec.app} up: {words}.")
        )
        self.stdout.write(f"  Now, too: manage.py backup_all {spec.name}")
        return True
