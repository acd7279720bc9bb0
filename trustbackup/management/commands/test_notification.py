"""``manage.py test_notification``: send a test message by one route."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from trustbackup.exceptions import TrustbackupError
from trustbackup.management.terminal import BackupCommand
from trustbackup.notifications.tryout import find_route, try_route


class Command(BackupCommand):
    help = "Send a test message by a notification, as the page's button does."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME")

    def run(self, options: dict[str, Any]) -> bool:
        route = find_route(options["name"])
        problem, address = "", ""
        try:
            address = try_route(route)
        except TrustbackupError as error:
            problem = str(error)
        if options["json"]:
            self.print_json({"name": route.name, "address": address, "problem": problem})
        elif problem:
            self.stderr.write(problem)
        else:
            self.stdout.write(self.style.SUCCESS(f"A test message was sent to {address}."))
        return not problem
