"""What became of the databases and folders of a restore, also of one that went wrong midway."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from trustbackup.exceptions import Busy, Cancelled, RestoreError, TrustbackupError
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined, one_line
from trustbackup.store.journal_entry import Strategy, is_folder


@dataclass(frozen=True, kw_only=True)
class RestoredDatabase:
    """What became of one database; ``previous`` is "" when there was nothing to keep."""

    alias: str
    strategy: Strategy
    rows: int
    previous: str = ""
    undo: str = ""
    """The id to undo it with, and all that was restored together; "" when it can't be."""
    safety_backup: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RestoreResult:
    """What a restore did."""

    id: str
    databases: list[RestoredDatabase] = field(default_factory=list)


OnDatabase = Callable[[RestoredDatabase], object]
"""Is told of each database as soon as it is the restored one, whatever comes after."""


def stopped(
    what: str, aliases: Sequence[str], changed: Sequence[RestoredDatabase], error: BaseException
) -> BaseException:
    """The error to raise when not all databases could be changed, or not to the end.

    It says of each what became of it. Of a single one that is as it was, the error says all.
    """
    if len(aliases) < 2 and not changed:
        return error
    done = {item.alias for item in changed}
    said = [
        *map(_outcome, changed),
        *(_untouched(alias) for alias in aliases if alias not in done),
    ]
    if isinstance(error, TrustbackupError | Cancelled):
        cause: str = str(error)
    elif isinstance(error, KeyboardInterrupt):
        cause = str(Cancelled())
    else:
        cause = f"{type(error).__name__}: {one_line(str(error))}"
    kind: type[TrustbackupError | Cancelled] = RestoreError
    if isinstance(error, Cancelled | KeyboardInterrupt):
        kind = Cancelled
    elif isinstance(error, Busy):
        kind = Busy
    return kind(what, why=joined([cause, *said]))


def _untouched(alias: str) -> str:
    if is_folder(alias):
        return _("Folder %(alias)r is as it was.", alias=alias)
    return _("Database %(alias)r is as it was.", alias=alias)


def _outcome(item: RestoredDatabase) -> str:
    if is_folder(item.alias):
        if not item.undo:
            return _("Folder %(alias)r was changed.", alias=item.alias)
        return _(
            "Folder %(alias)r was changed: its old one is kept as %(previous)s, and"
            " undo_restore %(undo)s puts it back.",
            alias=item.alias,
            previous=item.previous,
            undo=item.undo,
        )
    if item.undo:
        return _(
            "Database %(alias)r was changed: its old one is kept as %(previous)s, and"
            " undo_restore %(undo)s puts it back.",
            alias=item.alias,
            previous=item.previous,
            undo=item.undo,
        )
    if item.safety_backup:
        return _(
            "Database %(alias)r was changed: its state before is backup %(backup)s.",
            alias=item.alias,
            backup=item.safety_backup,
        )
    return _("Database %(alias)r was changed.", alias=item.alias)
