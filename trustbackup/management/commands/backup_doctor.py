"""``manage.py backup_doctor``: what somebody who knows backups would look at."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from trustbackup.management.plain_output import plain
from trustbackup.management.terminal import BackupCommand
from trustbackup.operations.doctor.examine import examine
from trustbackup.operations.doctor.finding import Grade


class Command(BackupCommand):
    help = "Look at everything that backups and restores need, and say what is amiss."

    def run(self, options: dict[str, Any]) -> bool:
        findings = examine(datetime.now(UTC))
        bad = [item for item in findings if item.grade is Grade.BAD]
        if options["json"]:
            self.print_json([asdict(item) for item in findings])
            return not bad
        styles = {
            Grade.OK: self.style.SUCCESS("ok  "),
            Grade.WARN: self.style.WARNING("warn"),
            Grade.BAD: self.style.ERROR("bad "),
        }
        for item in findings:
            self.stdout.write(f"{styles[item.grade]}  {plain(item.sentence)}")
            if item.todo:
                self.stdout.write(f"      {plain(item.todo)}")
        warnings = sum(item.grade is Grade.WARN for item in findings)
        self.stdout.write(f"{len(findings)} looks: {len(bad)} bad, {warnings} to think of.")
        return not bad
