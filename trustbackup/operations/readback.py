"""Reading a backup back: where it is, its raw stream, and whether what was loaded is what
was dumped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from trustbackup.databases.values import Facts
from trustbackup.exceptions import BackupNotFound, FolderError, RestoreError, file_operation
from trustbackup.operations.rules import table_label
from trustbackup.operations.site import Progress, Reporter, Site
from trustbackup.phrases import Grouped
from trustbackup.phrases import gettext as _
from trustbackup.store import catalog, names
from trustbackup.store.entry import Entry, scan
from trustbackup.store.manifest import Part
from trustbackup.store.streams import Decompressed, Readable


def locate(site: Site, reference: str) -> Entry:
    """The backup that a reference means: in the backup folder, or at a path."""
    try:
        return catalog.find(site.settings.root, reference)
    except BackupNotFound:
        if os.sep not in reference and not Path(reference).is_file():
            raise
    path = Path(reference).absolute()
    with file_operation(_("Reading"), path):
        path.stat()
    if not path.is_file():
        raise FolderError(
            _("%(path)s is not a file", path=path),
            todo=_("Give the path of a dump or a manifest."),
        )
    parsed = names.parse(path.name)
    entries = scan(path.parent) if parsed else {}
    if parsed and parsed.id in entries:
        return entries[parsed.id]
    return Entry(path.parent, path.name, {path.name: path.stat().st_size})


def compare(facts: Facts, part: Part, leave_out: set[str] | None = None) -> list[str]:
    """What differs from the manifest: tables missing, rows too few or too many, content."""
    found = {(table.schema, table.name): table for table in facts.tables}
    problems: list[str] = []
    for table in part.tables:
        if leave_out and table.name in leave_out | {"django_migrations"}:
            continue
        have = found.get((table.schema, table.name))
        if have is None:
            problems.append(_("table %(table)s is missing", table=table))
        elif have.rows != table.rows:
            problems.append(
                _(
                    "table %(table)s has %(rows)s rows and the manifest says %(expected)s",
                    table=table,
                    rows=Grouped(have.rows),
                    expected=Grouped(table.rows),
                )
            )
        elif have.fingerprint and table.fingerprint and have.fingerprint != table.fingerprint:
            problems.append(
                _("table %(table)s has the right number of rows with other content", table=table)
            )
    if facts.fingerprint and part.fingerprint and facts.fingerprint != part.fingerprint:
        problems.append(_("the content is not that of the backup"))
    return problems


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A table's rows now and in the backup; None where it is not there."""

    table: str
    now: int | None
    then: int | None


def differences(live: Facts | None, part: Part | None) -> tuple[Difference, ...]:
    """What a restore would change, table by table."""
    now: Mapping[tuple[str, str], int] = (
        {(table.schema, table.name): table.rows for table in live.tables} if live else {}
    )
    then = {(table.schema, table.name): table.rows for table in part.tables} if part else {}
    return tuple(
        Difference(
            table=table_label(schema, name),
            now=now.get((schema, name)),
            then=then.get((schema, name)),
        )
        for schema, name in sorted({**now, **then})
    )


def raw_opener(
    entry: Entry, file: str, part: Part | None, stage: str, report: Reporter
) -> Callable[[], AbstractContextManager[Readable]]:
    """Opens a part's raw dump again and again; it stops at the size it should have."""

    @contextmanager
    def open_raw() -> Iterator[Readable]:
        with Decompressed(entry.root / file) as raw:
            yield _Counted(raw, stage, part.raw_bytes if part else 0, report)

    return open_raw


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
                _("%(file)s was not restored", file=self.raw.path.name),
                why=_(
                    "it unpacks to %(size)d bytes or more, and should to %(expected)d",
                    size=self.done,
                    expected=self.total,
                ),
                todo=_("Restore another backup."),
            )
        self.report(Progress(stage=self.stage, done=self.done, total=self.total))
        return block
