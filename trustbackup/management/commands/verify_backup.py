"""``manage.py verify_backup``: is a backup, byte for byte, what its manifest says?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from trustbackup.management.terminal import BackupCommand
from trustbackup.operations.verify import Verdict, verify_all, verify_backup


class Command(BackupCommand):
    help = "Check a backup's signature, sizes and hashes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("reference", metavar="ID|latest|all")

    def run(self, options: dict[str, Any]) -> bool:
        everything = options["reference"] == "all"
        with self.progress(options) as report:
            verdicts = (
                verify_all(report) if everything else [verify_backup(options["reference"], report)]
            )
        ok = all(verdict.ok for verdict in verdicts)
        if options["json"]:
            self.print_json(_all_as_json(verdicts) if everything else _as_json(verdicts[0]))
            return ok
        for verdict in verdicts:
            self._print(verdict)
        if not verdicts:
            self.stdout.write("There is no backup to check.")
        return ok

    def _print(self, verdict: Verdict) -> None:
        if verdict.ok:
            text = f"Backup {verdict.id} is whole: every hash matches, {verdict.signature}."
            self.stdout.write(self.style.SUCCESS(text))
        else:
            self.stderr.write(f"Backup {verdict.id} is not good: {' '.join(verdict.problems)}")


def _as_json(verdict: Verdict) -> dict[str, object]:
    return {
        "id": verdict.id,
        "ok": verdict.ok,
        "problems": list(verdict.problems),
        "signature": verdict.signature,
    }


def _all_as_json(verdicts: list[Verdict]) -> dict[str, object]:
    return {
        "id": "all",
        "ok": all(verdict.ok for verdict in verdicts),
        "problems": [f"{item.id}: {problem}" for item in verdicts for problem in item.problems],
        "backups": [_as_json(verdict) for verdict in verdicts],
    }
