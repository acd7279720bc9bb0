"""One restore of a database at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from trustbackup.exceptions import Busy
from trustbackup.operations.context import Context
from trustbackup.operations.restore.recover import recover_database
from trustbackup.phrases import gettext as _
from trustbackup.store import locks
from trustbackup.store.journal_entry import is_folder


@contextlib.contextmanager
def only_restore(context: Context, alias: str) -> Iterator[None]:
    """One restore of a database at a time, and after what a dead one left.

    Raises Busy, and what ``recover_database`` does.
    """
    context.private_folder()
    with contextlib.ExitStack() as stack:
        try:
            lock = locks.restore_lock(context.settings.backup_dir, alias)
            stack.enter_context(locks.exclusive(lock))
        except locks.Locked:
            raise _busy(alias) from None
        recover_database(context, alias)
        yield


def refuse_if_busy(context: Context, alias: str) -> None:
    """Ask before its tables are looked at, which would wait. Raises Busy; touches nothing."""
    if locks.is_locked(locks.restore_lock(context.settings.backup_dir, alias)):
        raise _busy(alias)


def _busy(alias: str) -> Busy:
    return Busy(
        _("Folder %(alias)r was not restored", alias=alias)
        if is_folder(alias)
        else _("Database %(alias)r was not restored", alias=alias),
        why=_("another restore of it is under way"),
        todo=_("Wait until that one is done."),
    )
