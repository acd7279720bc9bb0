"""``manage.py recovery_sheet``: the page that is kept outside of the site."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from trustbackup.management.plain_output import plain
from trustbackup.management.terminal import BackupCommand, seconds
from trustbackup.operations.recovery.sheet import (
    PRINTED,
    RecoverySheet,
    make_sheet,
    printed_sheet,
)
from trustbackup.runs.recorder import record_event, system_user
from trustbackup.store.manifest import format_time

_BLANK = "_" * 30


class Command(BackupCommand):
    help = "Print what a stranger needs to bring the site back; no secret is on it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--printed",
            action="store_true",
            help="Note that it is on paper now, and kept where the site's end does not reach it.",
        )

    def run(self, options: dict[str, Any]) -> bool:
        sheet = make_sheet()
        if options["printed"]:
            record_event(PRINTED, sheet.fingerprint, actor=f"{system_user()} (command)")
        if options["json"]:
            printed = printed_sheet(sheet)
            self.print_json(
                {
                    **asdict(sheet),
                    "made": format_time(sheet.made),
                    "fingerprint": sheet.fingerprint,
                    "printed": {**asdict(printed), "at": format_time(printed.at)}
                    if printed
                    else None,
                }
            )
            return True
        for line in as_text(sheet):
            self.stdout.write(plain(line))
        return True


def as_text(sheet: RecoverySheet) -> list[str]:
    """The page as lines of plain text."""
    versions = ", ".join(f"{name} {version}" for name, version in sheet.versions.items())
    lines = [
        f"RECOVERY SHEET of {sheet.host}, {sheet.made:%Y-%m-%d %H:%M} UTC ({sheet.fingerprint})",
        "Keep it where the site's end does not reach it. No secret is on it.",
        "",
        *sheet.notes.splitlines(),
        f"Settings: {sheet.settings_module}. Backup folder: {sheet.folder}.",
        f"Versions: {versions}.",
    ]
    if sheet.newest:
        took = sheet.recovery_seconds
        measured = f" A drill restored one in {seconds(took)}." if took else ""
        lines.append(f"Newest backup when this was made: {sheet.newest}.{measured}")
    lines += ["", "DATABASES"]
    for item in sheet.databases:
        lines.append(
            f"  {item.alias}: {item.engine} {item.server_version}, {item.database},"
            f" encoding {item.encoding}; dumped by {item.tool_version}"
        )
        if item.extensions:
            lines.append(f"    extensions: {', '.join(item.extensions)}")
        if item.roles:
            lines.append(f"    roles: {', '.join(item.roles)}")
    lines += ["", "COPIES"]
    for place in sheet.places:
        lines.append(f"  {place.name} ({place.kind}): {place.url}")
        lines += [f"    {name}={value}" for name, value in place.settings]
    if not sheet.places:
        lines.append("  None: all backups are in the backup folder of this machine.")
    lines += ["", "SECRETS, and where they are kept"]
    for secret in sheet.secrets:
        use = f" ({secret.use})" if secret.use else ""
        lines.append(f"  {secret.name}{use}: {secret.stored_at or _BLANK}")
    keys = ", ".join(sheet.key_fingerprints)
    lines += [f"  The right SECRET_KEY has the fingerprint {keys}.", "", "WHAT TO DO"]
    for number, step in enumerate(sheet.steps, 1):
        lines.append(f"  {number}. {step.sentence}")
        lines += [f"       {command}" for command in step.commands]
    return lines
