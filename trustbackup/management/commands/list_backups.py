"""``manage.py list_backups``: what lies in the backup folder, newest first."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser
from django.db import Error, connections, router

from trustbackup.exceptions import UsageError
from trustbackup.management.terminal import BackupCommand, size, table
from trustbackup.models import Backup
from trustbackup.operations.backup.anomalies import anomalies_of
from trustbackup.operations.context import Context
from trustbackup.operations.health import Level, site_health
from trustbackup.store import names
from trustbackup.store.catalog import list_backups
from trustbackup.store.manifest import format_time

if TYPE_CHECKING:
    from trustbackup.operations.offsite.remote import RemoteBackup


NOT_READ = "Its manifest was not read."


class Command(BackupCommand):
    help = "List the backups in the backup folder, newest first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--type", default="", help="Only this type.")
        parser.add_argument(
            "--database", default="", metavar="ALIAS", help="Only with this database."
        )
        parser.add_argument(
            "--at", default="", metavar="NAME|URL", help="What is at a destination instead."
        )

    def run(self, options: dict[str, Any]) -> bool:
        if options["at"]:
            self._list_remote(options)
            return True
        with _no_collecting():
            return self._list(options)

    def _list(self, options: dict[str, Any]) -> bool:
        context = Context.current()
        alias = options["database"]
        found = list_backups(context.folder, kind=options["type"], database=alias)
        if alias and not found and alias not in connections:
            raise UsageError(
                f"There is no database {alias!r}",
                todo=f"DATABASES has {', '.join(repr(name) for name in connections)}.",
            )
        if options["json"]:
            self.print_json([as_json(backup) for backup in found])
        elif not found:
            self.stdout.write(
                f"There is no backup in {context.folder.root} yet. Make one with create_backup."
            )
        else:
            self.stdout.write(as_table(found))
            for backup in found:
                if backup.problem:
                    self.stdout.write(f"{backup.identifier}: {backup.problem}")
        if not (options["json"] or options["type"] or alias):
            self._say_health()
        return True

    def _say_health(self) -> None:
        """The judgement that stands at the head of the page; none where there is no index."""
        using = router.db_for_read(Backup)
        if connections[using].connection is None:  # the list came from the disk
            return
        with contextlib.suppress(Error):
            health = site_health()
            styles = {Level.GOOD: self.style.SUCCESS, Level.BAD: self.style.ERROR}
            self.stdout.write(styles.get(health.level, self.style.WARNING)(health.sentence))

    def _list_remote(self, options: dict[str, Any]) -> None:
        # A local list is quicker without what destinations need.
        from trustbackup.operations.offsite.remote import list_remote, look_at_all, not_looked_at
        from trustbackup.operations.offsite.targets import find_destination

        if options["type"] or options["database"]:
            raise CommandError("--at lists all that is there: leave --type and --database out.")
        ref = find_destination(options["at"])
        with ref.open() as destination:
            there = list_remote(destination)
            context = Context.current()
            here = context.folder.scan()
            looked = look_at_all(destination, there, context.signer, here)
        problems = {key: looked.problems.get(key, NOT_READ) for key in there}
        if looked.unread:
            self.stderr.write(not_looked_at(ref.name, looked.unread))
        found = [there[key] for key in sorted(there, key=names.order, reverse=True)]
        if options["json"]:
            self.print_json(
                [
                    {
                        "id": remote.id,
                        "bytes": remote.bytes,
                        "files": [
                            {"file": name, "bytes": size} for name, size in remote.files.items()
                        ],
                        "complete": not problems[remote.id],
                        "problem": problems[remote.id],
                    }
                    for remote in found
                ]
            )
        elif not found:
            self.stdout.write(f"There is no backup at {ref.name} yet.")
        else:
            rows = [
                (
                    remote.id,
                    size(remote.bytes),
                    str(len(remote.files)),
                    _state(remote, problems[remote.id]),
                )
                for remote in found
            ]
            self.stdout.write(table(("ID", "SIZE", "FILES", "STATE"), rows, right=(1, 2)))
            for remote in found:
                if remote.has_manifest and problems[remote.id]:
                    self.stdout.write(f"{remote.id}: {problems[remote.id]}")


def _state(remote: RemoteBackup, problem: str) -> str:
    if not remote.has_manifest:
        return "no manifest"
    if problem == NOT_READ:
        return "not read"
    return "incomplete" if problem else "complete"


@contextlib.contextmanager
def _no_collecting() -> Iterator[None]:
    """Every row is wanted until the end.

    Looking for garbage among ten thousand of them took a fifth of the time.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def as_json(backup: Backup) -> dict[str, object]:
    """One backup for machines: sizes in bytes, times ISO 8601 in UTC."""
    return {
        "id": backup.identifier,
        "name": backup.name,
        "kind": backup.kind,
        "created": format_time(backup.created),
        "seconds": backup.seconds,
        "trigger": backup.trigger,
        "host": backup.host,
        "databases": backup.aliases,
        "bytes": backup.bytes,
        "raw_bytes": backup.raw_bytes,
        "rows": backup.rows,
        "files": [
            {key: file.get(key) for key in ("part", "file", "bytes", "raw_bytes", "sha256")}
            for file in backup.files
        ],
        "state": backup.state,
        "problem": backup.problem,
        "offloaded_to": backup.offloaded_to,
        "signature": backup.signature,
        "protected": backup.protected,
        "plan": backup.plan,
        "odd": backup.odd,
        "anomalies": [each.sentence for each in anomalies_of(backup)],
        "checked": None
        if backup.checked_at is None
        else {"at": format_time(backup.checked_at), "ok": backup.checked_ok},
        "drilled": None
        if backup.drilled_at is None
        else {
            "at": format_time(backup.drilled_at),
            "ok": backup.drilled_ok,
            "seconds": backup.recovery_seconds,
        },
    }


def as_table(found: Sequence[Backup]) -> str:
    header = (
        "ID",
        "CREATED (UTC)",
        "TYPE",
        "DATABASES",
        "SIZE",
        "ROWS",
        "STATE",
        "PROOF",
        "NAME",
    )
    rows = [
        (
            backup.identifier,
            format(backup.created, "%Y-%m-%d %H:%M:%S"),
            backup.kind,
            ", ".join(backup.aliases) or "?",
            size(backup.bytes),
            "?" if backup.rows is None else f"{backup.rows:,}",
            (f"at {backup.offloaded_to}" if backup.offloaded_to else backup.state)
            + (", protected" if backup.protected else "")
            + (", odd" if backup.odd else ""),
            _proof(backup),
            backup.name,
        )
        for backup in found
    ]
    return table(header, rows, right=(4, 5))


def _proof(backup: Backup) -> str:
    """The strongest thing known of it: that it restores, that its hashes match, or nothing."""
    for at, ok, good, bad in (
        (backup.drilled_at, backup.drilled_ok, "restores", "DOES NOT RESTORE"),
        (backup.checked_at, backup.checked_ok, "hash matches", "DAMAGED"),
    ):
        if at is not None:
            return f"{good if ok else bad}, {at:%Y-%m-%d %H:%M}"
    return "not yet"
