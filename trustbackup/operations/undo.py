"""Undo a restore while the old database is kept, or let that go."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from trustbackup.exceptions import RestoreError
from trustbackup.operations.restore import RestoredDatabase
from trustbackup.operations.rules import OWN_APP, SESSIONS, own_tables
from trustbackup.operations.sessions import find_session, put_session
from trustbackup.operations.settling import only_restore, settled
from trustbackup.operations.site import Progress, Reporter, Site, quiet
from trustbackup.phrases import gettext as _
from trustbackup.store import catalog, journal
from trustbackup.store.manifest import format_time


def undo_restore(
    identifier: str = "", report: Reporter = quiet, *, session: str = ""
) -> RestoredDatabase:
    """Swap the old database back in; the restored one is kept in its turn.

    Without ``identifier`` the newest restore is undone. ``session`` is what it is for
    ``restore_backup``. Raises FolderError, RestoreError.
    """
    site = Site.current()
    entry = journal.find(site.settings.root, identifier)
    with only_restore(site, entry.alias):
        now = datetime.now(UTC)
        again = replace(
            entry,
            id=f"{now:%Y%m%dT%H%M%S%f}-{entry.alias}",
            strategy="undo",
            new=entry.kept,
            started=format_time(now),
            state=journal.BUILDING,
            marker=journal.NOT_YET,
        )
        database = site.database(entry.alias, label=again.id)
        if not database.exists(entry.kept):
            raise RestoreError(
                _("Restore %(id)s was not undone", id=entry.id),
                why=_("the old database %(name)s is not there any more", name=entry.kept),
                todo=_("Restore a backup instead."),
            )
        _unused, kept = database.free_names(now)
        mine = find_session(entry.alias, session)
        log = journal.Journal(site.settings.root, replace(again, kept=kept))
        with (
            journal.held(site.settings.root, again.id),
            settled(database, log),
            database.replacement(entry.kept, existing=True) as old,
        ):
            log.update()
            report(Progress(stage=f"carrying over {entry.alias}"))
            old.carry_over(own_tables(), OWN_APP)
            old.empty(SESSIONS)
            if mine:
                put_session(database, entry.kept, mine)
            report(Progress(stage=f"swapping {entry.alias}"))
            log.update(state=journal.SWAPPING, marker=old.marker())
            old.swap(kept)
        log.finish()
        facts = database.facts()
    catalog.synchronise(site.settings.root, site.signer, afresh=True)
    return RestoredDatabase(
        alias=entry.alias,
        strategy="undo",
        rows=sum(table.rows for table in facts.tables) if facts else 0,
        kept=kept,
        undo=log.entry.id,
    )


def release_restore(identifier: str = "") -> journal.Entry:
    """Drop the old database of a restore: it can't be undone any more.

    Raises FolderError, RestoreError.
    """
    site = Site.current()
    entry = journal.find(site.settings.root, identifier)
    with only_restore(site, entry.alias):
        site.database(entry.alias).remove(entry.kept)
        journal.Journal(site.settings.root, entry).forget()
    return entry


def find_restore(identifier: str = "") -> journal.Entry:
    """The restore with this id, or the newest that can be undone. Raises FolderError."""
    return journal.find(Site.current().settings.root, identifier)


def list_restores() -> list[journal.Entry]:
    """The restores that can be undone, newest first."""
    entries = journal.read_all(Site.current().settings.root)
    return [entry for entry in reversed(entries) if entry.undoable]
