"""``manage.py adopt_backup``: take backups over that were made elsewhere."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from trustbackup.management.identity import add_identity_argument
from trustbackup.management.terminal import BackupCommand, size
from trustbackup.operations.transfer.adopt import adopt_paths


class Command(BackupCommand):
    help = "Copy dumps, manifests or bundles into the backup folder, once they are checked."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH")
        add_identity_argument(parser)

    def run(self, options: dict[str, Any]) -> bool:
        with self.record_run("upload", " ".join(options["paths"])) as recorder:
            with self.progress(options) as report:
                adopted = adopt_paths(options["paths"], report)
            recorder.outcome["backups"] = [item.id for item in adopted][:100]
        if options["json"]:
            self.print_json({"backups": [asdict(item) for item in adopted]})
            return True
        for item in adopted:
            if not item.new:
                self.stdout.write(f"Backup {item.id} is here already, with the same content.")
                continue
            proof = item.signature or "without a manifest, so it is unverified"
            self.stdout.write(f"Backup {item.id} was taken over ({size(item.bytes)}), {proof}.")
        return True
