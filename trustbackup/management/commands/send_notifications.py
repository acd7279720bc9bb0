"""``manage.py send_notifications``: send what waits, also what did not arrive before."""

from __future__ import annotations

from typing import Any

from trustbackup.management.terminal import BackupCommand
from trustbackup.runs.delivery import pass_by


class Command(BackupCommand):
    help = "Send the messages that wait, and the weekly digest when it is due."

    def run(self, options: dict[str, Any]) -> bool:
        sent, failed = pass_by()
        if options["json"]:
            self.print_json({"sent": sent, "failed": failed})
        elif sent or failed:
            self.stdout.write(f"{sent} sent, {failed} not.")
        else:
            self.stdout.write("No message waits.")
        return not failed
