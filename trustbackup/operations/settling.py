"""One restore of a database at a time, and never a state between the old and the new."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from trustbackup.databases.base import Database
from trustbackup.databases.values import Interrupted
from trustbackup.exceptions import Busy, TrustbackupError
from trustbackup.operations.site import Site
from trustbackup.phrases import gettext as _
from trustbackup.store import journal

logger = logging.getLogger(__name__)


@contextmanager
def only_restore(site: Site, alias: str) -> Iterator[None]:
    """One restore of a database at a time. Raises Busy."""
    with journal.locked(site.settings.root, alias) as mine:
        if not mine:
            raise _busy(alias)
        yield


def refuse_if_busy(site: Site, alias: str) -> None:
    """Ask before its tables are looked at, which would wait. Raises Busy; touches nothing."""
    if journal.is_locked(site.settings.root, alias):
        raise _busy(alias)


def _busy(alias: str) -> Busy:
    return Busy(
        _("Database %(alias)r was not restored", alias=alias),
        why=_("another restore of it is under way"),
        todo=_("Wait until that one is done."),
    )


@contextmanager
def settled(database: Database, log: journal.Journal) -> Iterator[None]:
    """Leave either state, never one between, and a journal that says which."""
    try:
        yield
    except BaseException:
        try:
            done = database.settle(interrupted(log.entry))
        except TrustbackupError:
            # The journal stays, and the next command settles it.
            logger.exception("An interrupted restore could not be settled yet")
            raise
        if not done:
            log.forget()
        elif log.entry.kept:
            log.finish()
        raise


def interrupted(entry: journal.Entry) -> Interrupted:
    return Interrupted(
        strategy=entry.strategy,
        new=entry.new,
        kept=entry.kept,
        marker=entry.marker,
        label=entry.id,
    )
