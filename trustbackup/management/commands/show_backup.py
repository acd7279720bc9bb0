"""``manage.py show_backup``: everything that a backup's manifest tells."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from trustbackup.exceptions import ManifestError
from trustbackup.management.commands.list_backups import as_json
from trustbackup.management.terminal import BackupCommand, plain, size, table
from trustbackup.operations import by_hand
from trustbackup.operations.site import Site
from trustbackup.store import catalog
from trustbackup.store.manifest import Part


class Command(BackupCommand):
    help = "Show what a backup holds, and how to get it back without trustbackup."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("reference", metavar="ID|latest")

    def run(self, options: dict[str, Any]) -> bool:
        site = Site.current()
        entry = catalog.find(site.settings.root, options["reference"])
        backup = catalog.describe(entry, site.signer)
        manifest = None
        if entry.has_manifest:
            try:
                manifest, _signature = entry.read_manifest(site.signer)
            except ManifestError:
                manifest = None  # its sentence is the backup's problem, shown below
        if options["json"]:
            parts = [asdict(part) for part in manifest.parts] if manifest else []
            made_with = dict(manifest.versions) if manifest else {}
            self.print_json({**as_json(backup), "parts": parts, "versions": made_with})
            return True
        write = self.stdout.write
        write(self.style.MIGRATE_HEADING(f"Backup {backup.identifier} {backup.name}".rstrip()))
        kept = ", kept" if backup.kept else ""
        write(f"  {backup.kind}, {backup.state}{kept}, {size(backup.bytes)}")
        if backup.problem:
            write(f"  {backup.problem}")
        if backup.elsewhere:
            write(
                plain(f"  Its data is at {backup.elsewhere} only; a restore fetches it by itself.")
            )
        if manifest is None:
            return True
        versions = ", ".join(f"{key} {value}" for key, value in manifest.versions.items())
        write(plain(f"  made on {manifest.host} in {backup.seconds:.1f} s with {versions}"))
        for part in manifest.parts:
            self._print_part(part)
        write("\nCheck it without trustbackup, in its folder:")
        write(f"  {by_hand.check_command(backup.identifier)}")
        return True

    def _print_part(self, part: Part) -> None:
        def write(line: str) -> None:
            self.stdout.write(plain(line))

        self.stdout.write("")
        write(f"{part.part}: {part.engine} {part.server_version}, {part.database}")
        write(f"  {part.file}: {size(part.bytes)}, {size(part.raw_bytes)} unpacked")
        write(f"  SHA-256 {part.sha256}")
        last = part.migrations[-1] if part.migrations else None
        if last:
            write(f"  {len(part.migrations)} migrations, the last {last[0]}.{last[1]}")
        rows = [(str(item), f"{item.rows:,}") for item in part.tables]
        shown = [(f"  {plain(name)}", count) for name, count in rows]
        self.stdout.write(table(("  TABLE", "ROWS"), shown, right=(1,)))
        write(f"  Restore it without trustbackup: {by_hand.restore_command(part)}")
