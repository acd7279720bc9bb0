"""After a crash in the middle of a restore: say which state is in place, and clean up."""

from __future__ import annotations

from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.settling import interrupted
from trustbackup.operations.site import Site
from trustbackup.store import journal


def recover_restores() -> list[str]:
    """A sentence for each restore that died and is settled now. Quick when there is none."""
    site = Site.current()
    root = site.settings.root
    sentences = []
    unsettled = {e.id: e for e in journal.read_all(root) if e.state != journal.DONE}
    for identifier in sorted({*unsettled, *journal.begun(root)}):
        with journal.abandoned(root, identifier) as dead:
            if dead and identifier in unsettled:
                sentences.append(_settle(site, unsettled[identifier]))
    return sentences


def _settle(site: Site, entry: journal.Entry) -> str:
    restore = f"restore of database {entry.alias!r} to backup {entry.backup}"
    what = {
        "drill": f"The drill of backup {entry.backup}",
        "undo": f"The undo of the {restore}",
    }.get(entry.strategy, f"The {restore}")
    log = journal.Journal(site.settings.root, entry)
    try:
        done = site.database(entry.alias).settle(interrupted(entry))
    except TrustbackupError as error:
        return f"{what} was interrupted, and can't be cleaned up yet: {error}"
    if not done:
        log.forget()
        return f"{what} was interrupted: the database is as it was, what was begun is removed."
    if entry.strategy == "in place":
        log.forget()
        return f"{what} was interrupted after its end: the database is the restored one."
    log.finish()
    live, kept = "the restored one", "the old one"
    if entry.strategy == "undo":
        live, kept = "the one before the restore", "the one after it"
    return (
        f"{what} was interrupted after its swap: the database is {live}, and"
        f" {entry.kept} is {kept} (undo_restore {entry.id} swaps back)."
    )
