"""``manage.py show_backup``: everything that a backup's manifest tells."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from trustbackup.exceptions import ManifestError
from trustbackup.management.commands.list_backups import as_json
from trustbackup.management.identity import add_identity_argument
from trustbackup.management.plain_output import plain
from trustbackup.management.terminal import BackupCommand, counted, size, table
from trustbackup.operations.backup import manual_commands
from trustbackup.operations.backup.anomalies import anomalies_of
from trustbackup.operations.backup.media import what_is_lacking
from trustbackup.operations.context import Context
from trustbackup.store import catalog
from trustbackup.store.file_facts import FileFacts
from trustbackup.store.manifest import Manifest, Part


class Command(BackupCommand):
    help = "Show what a backup holds, and how to get it back without trustbackup."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("reference", metavar="ID|latest")
        add_identity_argument(parser)

    def run(self, options: dict[str, Any]) -> bool:
        context = Context.current()
        entry = context.folder.find(options["reference"])
        backup = catalog.describe(entry)
        manifest = None
        if entry.has_manifest:
            try:
                manifest, _signature = entry.read_manifest()
            except ManifestError:
                manifest = None  # its sentence is the backup's problem, shown below
        if options["json"]:
            parts = [asdict(part) for part in manifest.parts] if manifest else []
            made_with = dict(manifest.versions) if manifest else {}
            full = manifest.full if manifest else None
            about: dict[str, Any] = {"full": asdict(full)} if full else {}
            about |= {"recipients": manifest.keys} if manifest else {}
            about |= {"environment": manifest.environment} if manifest else {}
            self.print_json({**as_json(backup), "parts": parts, "versions": made_with, **about})
            return True
        write = self.stdout.write
        write(self.style.MIGRATE_HEADING(f"Backup {backup.identifier} {backup.name}".rstrip()))
        protected = ", protected" if backup.protected else ""
        write(f"  {backup.kind}, {backup.state}{protected}, {size(backup.bytes)}")
        if backup.problem:
            write(f"  {backup.problem}")
        for each in anomalies_of(backup):
            write(
                plain(f"  {'odd' if backup.odd else 'odd, and said to be right'}: {each.sentence}")
            )
        if backup.offloaded_to:
            write(
                plain(
                    f"  Its data is at {backup.offloaded_to} only; a restore fetches it by itself."
                )
            )
        if manifest is not None:
            self._print_manifest(manifest)
        return True

    def _print_manifest(self, manifest: Manifest) -> None:
        write = self.stdout.write
        if manifest.recipients:
            write(f"  encrypted to {', '.join(manifest.keys)}")
        if manifest.is_sealed:
            write("  What it holds is sealed: give an identity with --identity FILE.")
            return
        took = (manifest.finished - manifest.started).total_seconds()
        versions = ", ".join(f"{key} {value}" for key, value in manifest.versions.items())
        if manifest.environment:
            write(plain(f"  made in {manifest.environment}"))
        write(plain(f"  made on {manifest.host} in {took:.1f} s with {versions}"))
        for part in manifest.parts:
            self._print_part(part)
        self._print_full(manifest)
        write("\nCheck it without trustbackup, in its folder:")
        write(f"  {manual_commands.check_command(manifest.id)}")

    def _print_part(self, part: Part) -> None:
        def write(line: str) -> None:
            self.stdout.write(plain(line))

        self.stdout.write("")
        source = f"{part.engine} {part.server_version}" if part.engine else part.format
        where = part.files.folder if part.files else part.database
        write(f"{part.part}: {source}{', ' if where else ''}{where}")
        write(f"  {part.file}: {size(part.bytes)}, {size(part.raw_bytes)} unpacked")
        write(f"  SHA-256 {part.sha256}")
        last = part.migrations[-1] if part.migrations else None
        if last:
            write(f"  {len(part.migrations)} migrations, the last {last[0]}.{last[1]}")
        if part.files is not None:
            self._print_files(part.files)
        elif part.tables or part.engine:
            rows = [(str(item), f"{item.rows:,}") for item in part.tables]
            shown = [(f"  {plain(name)}", count) for name, count in rows]
            self.stdout.write(table(("  TABLE", "ROWS"), shown, right=(1,)))
        if command := manual_commands.restore_command(part):
            write(f"  Restore it without trustbackup: {command}")

    def _print_full(self, manifest: Manifest) -> None:
        if (facts := manifest.full) is None:
            return
        self.stdout.write("")
        for sentence in what_is_lacking(manifest):
            self.stdout.write(self.style.WARNING(plain(sentence)))
        self.stdout.write(
            f"{facts.named:,} files are named by rows, {facts.missing:,} of them are missing;"
            f" {facts.unnamed:,} files are named by none."
        )
        for row in facts.rows:
            self.stdout.write(plain(f"  missing: {row}"))

    def _print_files(self, facts: FileFacts) -> None:
        write = self.stdout.write
        write(
            f"  {counted(facts.files, 'file')} in {counted(facts.folders, 'folder')},"
            f" {counted(facts.links, 'link')}, {size(facts.bytes)}"
        )
        for name in facts.named:
            write(f"  {plain(name)}")
