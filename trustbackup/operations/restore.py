"""Go back to a backup: build its database beside the live one, compare, then swap."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trustbackup.databases.base import Database, Facts
from trustbackup.exceptions import (
    BackupNotFound,
    Busy,
    FolderError,
    RestoreError,
    file_operation,
)
from trustbackup.operations.site import Progress, Reporter, Site, quiet
from trustbackup.operations.verify import check_files, engine_of, inspect_foreign
from trustbackup.store import catalog, durable, names
from trustbackup.store.catalog import Entry
from trustbackup.store.manifest import Manifest, Part, Signature
from trustbackup.store.streams import Decompressed


@dataclass(frozen=True, kw_only=True)
class RestorePlan:
    """What a restore would do. ``rows_now`` counts the live database's rows."""

    entry: Entry
    manifest: Manifest | None
    signature: Signature | None
    parts: tuple[tuple[str, str, Part | None], ...]
    """For each database: its alias, the dump's file, and the part in the manifest."""
    rows_now: int


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a restore did: the backup, and for each alias its rows and the old database."""

    id: str
    rows: dict[str, int]
    kept: dict[str, str]


def plan_restore(reference: str, report: Reporter = quiet) -> RestorePlan:
    """Check everything that can be checked without touching the live database.

    ``reference`` is an id, ``latest``, or the path of a dump or a manifest anywhere.
    Raises BackupNotFound, RestoreError when a file is missing, damaged or foreign.
    """
    site = Site.current()
    entry = locate(site, reference)
    manifest: Manifest | None = None
    signature: Signature | None = None
    parts: tuple[tuple[str, str, Part | None], ...]
    if entry.has_manifest:
        manifest, signature = entry.read_manifest(site.signer)
        problems = check_files(entry, manifest, report)
        parts = tuple((part.part, part.file, part) for part in manifest.parts if part.engine)
    else:
        problems = inspect_foreign(site, entry, report)
        parts = tuple((_alias_of(site, entry, name), name, None) for name in entry.data_files)
    if problems:
        raise _refused(entry.id, problems[0], "Restore another backup, or another copy of it.")
    for alias, _file, part in parts:
        database = site.database(alias)
        if part and (part.engine, part.format) != (database.engine, database.format):
            raise _refused(
                entry.id,
                f"it holds a {part.engine} database and {alias!r} is {database.engine}",
                "Restore it on a site with that engine.",
            )
    rows = sum(site.database(alias).rows() for alias, _file, _part in parts)
    return RestorePlan(
        entry=entry, manifest=manifest, signature=signature, parts=parts, rows_now=rows
    )


def restore_backup(
    plan: RestorePlan, *, trust_manifest: bool = False, report: Reporter = quiet
) -> Restored:
    """Carry a plan out. Raises RestoreError; the live databases are as they were then.

    A manifest that this site did not sign is only restored onto an empty database, or
    with ``trust_manifest``.
    """
    site = Site.current()
    lost_key = plan.signature is Signature.UNKNOWN and not plan.rows_now
    if plan.signature not in (None, Signature.OURS) and not (trust_manifest or lost_key):
        raise _refused(
            plan.entry.id,
            f"its manifest was {plan.signature.value}",
            "If you know why, say --trust-manifest.",
        )
    now = datetime.now(UTC)
    stamp = now.strftime("%Y%m%d_%H%M%S")
    restored = Restored(id=plan.entry.id, rows={}, kept={})
    durable.prepare_root(site.settings.root)
    for alias, file, part in plan.parts:
        database = site.database(alias)
        with _only_restore(site, alias):
            rows, kept = _replace(plan.entry, database, file, part, stamp, report)
        restored.rows[alias] = rows
        if kept:
            restored.kept[alias] = kept
    catalog.synchronise(site.settings.root, site.signer, afresh=True)
    return restored


def _replace(
    entry: Entry, database: Database, file: str, part: Part | None, stamp: str, report: Reporter
) -> tuple[int, str]:
    new_name, kept_name = database.names_for_restore(stamp)
    had_rows = database.rows()
    total = part.raw_bytes if part else 0
    with database.replacement(new_name, entry.root) as replacement:
        stage = f"restoring {database.alias}"
        report(Progress(stage=stage, total=total))
        with Decompressed(entry.root / file) as raw:
            replacement.load(_Counted(raw, stage, total, report))
        report(Progress(stage=f"comparing {database.alias}"))
        facts = replacement.facts()
        if part is not None:
            compare(database.alias, facts, part)
        report(Progress(stage=f"swapping {database.alias}"))
        replacement.swap(kept_name)
    return sum(table.rows for table in facts.tables), kept_name if had_rows else ""


class _Counted:
    """A stream that reports what was read of it, and stops at the size it should have."""

    def __init__(self, raw: Decompressed, stage: str, total: int, report: Reporter) -> None:
        self.raw, self.stage, self.total, self.report = raw, stage, total, report
        self.done = 0

    def read(self, size: int = -1, /) -> bytes:
        block = self.raw.read(size)
        self.done += len(block)
        if self.total and (self.done > self.total or (not block and self.done < self.total)):
            raise RestoreError(
                f"{self.raw.path.name} was not restored",
                why=f"it unpacks to {self.done} bytes so far, and should to {self.total}",
                todo="Restore another backup.",
            )
        self.report(Progress(stage=self.stage, done=self.done, total=self.total))
        return block


def compare(alias: str, facts: Facts, part: Part) -> None:
    """Raises RestoreError unless every table has the rows that the manifest tells."""
    found = {(table.schema, table.name): table.rows for table in facts.tables}
    for table in part.tables:
        rows = found.get((table.schema, table.name))
        if rows != table.rows:
            has = "is missing" if rows is None else f"has {rows:,} rows"
            raise RestoreError(
                f"Database {alias!r} was not restored",
                why=f"after loading, table {table} {has} and the manifest says {table.rows:,}",
                todo="The live database was not touched; restore another backup.",
            )


def locate(site: Site, reference: str) -> Entry:
    """The backup that a reference means: in the backup folder, or at a path."""
    try:
        return catalog.find(site.settings.root, reference)
    except BackupNotFound:
        if os.sep not in reference and not Path(reference).is_file():
            raise
    path = Path(reference).absolute()
    with file_operation("Reading", path):
        path.stat()
    parsed = names.parse(path.name)
    if parsed is not None and path.is_file():
        entries = catalog.scan(path.parent)
        if parsed.id in entries:
            return entries[parsed.id]
    if not path.is_file():
        raise FolderError(f"{path} is not a file", todo="Give the path of a dump or a manifest.")
    return Entry(path.parent, path.name, {path.name: path.stat().st_size})


def _alias_of(site: Site, entry: Entry, name: str) -> str:
    parsed = names.parse(name)
    if parsed and parsed.part:
        return parsed.part
    return engine_of(site, entry.root / name).alias


@contextmanager
def _only_restore(site: Site, alias: str) -> Iterator[None]:
    """A lock that its holder's death frees: one restore of a database at a time."""
    digest = hashlib.sha256(alias.encode()).hexdigest()[:16]
    path = site.settings.root / durable.DRAFTS / f"restore-{digest}.lock"
    with file_operation("Opening the lock", path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(
                f"Database {alias!r} was not restored",
                why="another restore of it is under way",
                todo="Wait until that one is done.",
            ) from None
        yield
    finally:
        os.close(descriptor)


def _refused(identifier: str, why: str, todo: str) -> RestoreError:
    return RestoreError(f"Backup {identifier} was not restored", why=why, todo=todo)


__all__ = ["RestorePlan", "Restored", "compare", "plan_restore", "restore_backup"]
