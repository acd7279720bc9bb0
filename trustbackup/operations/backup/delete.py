"""Delete backups, one by one, each with an outcome of its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from trustbackup.exceptions import BackupNotFound, Busy, FolderError, TrustbackupError
from trustbackup.operations.backup.facts import facts_of
from trustbackup.operations.backup.sweep import sweep_quietly
from trustbackup.operations.context import Context
from trustbackup.phrases import gettext as _
from trustbackup.policy.protection import LastResort, last_resorts
from trustbackup.store import catalog, drafts, removal
from trustbackup.store.backup_files import BackupFiles

logger = logging.getLogger(__name__)
_LAST = {
    LastResort.PROVEN: _("it is the last one of its sort that is proven to restore"),
    LastResort.GOOD: _("it is the last one of its sort whose check passed"),
    LastResort.OURS: _("it is the last complete one of its sort"),
    LastResort.WHOLE: _("it is the last complete one of its sort"),
}


class Outcome(StrEnum):
    """How a deletion ended."""

    DELETED = "deleted"
    GONE = "gone"
    """It was not there any more."""
    STAYS = "stays"
    """It is in use, protected, or the last one of its sort."""
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class DeleteResult:
    """What became of one reference; ``error`` is "" when its backup is deleted."""

    id: str
    error: str = ""
    outcome: Outcome = Outcome.DELETED


class _Stays(TrustbackupError):
    """It must not be deleted."""


def delete_backups(references: Sequence[str], *, last_good_too: bool = False) -> list[DeleteResult]:
    """Delete each backup; one failure stops no other.

    What is protected or in use stays, and says so; the last one of its sort that is proven (else
    good, else complete) stays unless ``last_good_too``. What an earlier delete left half done
    when it died is finished first.
    """
    context = Context.current()
    finished = _finish_earlier(context)
    standing = None if last_good_too else _Standing.look(context)
    outcomes = []
    for reference in dict.fromkeys(references):
        try:
            identifier = (
                reference if reference in finished else _delete(context, reference, standing)
            )
            outcomes.append(DeleteResult(id=identifier))
        except TrustbackupError as error:
            outcome = _outcome_of(error)
            outcomes.append(DeleteResult(id=reference, error=str(error), outcome=outcome))
    if any(item.outcome is Outcome.DELETED for item in outcomes):
        sweep_quietly(context.folder)
    catalog.synchronise(context.folder)
    return outcomes


def _outcome_of(error: TrustbackupError) -> Outcome:
    if isinstance(error, BackupNotFound):
        return Outcome.GONE
    return Outcome.STAYS if isinstance(error, Busy | _Stays) else Outcome.FAILED


@dataclass(frozen=True)
class _Standing:
    """Which backups stand in for which, as it was seen when all were looked at."""

    entries: dict[str, BackupFiles]
    sorts: dict[str, str]
    resorts: dict[str, LastResort]

    @classmethod
    def look(cls, context: Context) -> _Standing:
        entries = context.folder.scan()
        facts = [facts_of(row) for row in catalog.synchronise(context.folder).values()]
        resorts = last_resorts(facts, now=datetime.now(UTC))
        return cls(entries, {fact.id: fact.sort for fact in facts}, resorts)

    def must_not_be_last(self, backup: BackupFiles, refused: str) -> None:
        if backup.id in self.resorts:
            raise _Stays(
                refused,
                why=_LAST[self.resorts[backup.id]],
                todo=_("Make and prove another one first, or delete it with --last-good-too."),
            )

    def still_holds(self, identifier: str) -> bool:
        """Whether the backup, and the one that it can be done without for, are as they were."""
        sort = self.sorts.get(identifier)
        seen = [identifier, *(key for key in self.resorts if self.sorts[key] == sort)]
        return all(key in self.entries and self.entries[key].is_unchanged() for key in seen)


def find_last_resorts(context: Context) -> dict[str, LastResort]:
    """The backups that are not deleted without being asked for, and why. Raises FolderError."""
    rows = catalog.synchronise(context.folder).values()
    return last_resorts(map(facts_of, rows), now=datetime.now(UTC))


def resolve(references: Sequence[str]) -> list[str]:
    """The ids that these mean, each once; what means none stays as it is. Raises FolderError."""
    context = Context.current()
    found = context.folder.scan()
    resolved = []
    for reference in references:
        try:
            resolved.append(context.folder.find(reference, found).id)
        except BackupNotFound:
            resolved.append(reference)
    return list(dict.fromkeys(resolved))


def _finish_earlier(context: Context) -> list[str]:
    try:
        return drafts.sweep(context.folder.root)
    except FolderError as error:
        logger.info("What an earlier delete left can't be removed: %s", error)
        return []


def _delete(context: Context, reference: str, standing: _Standing | None) -> str:
    backup = context.folder.find(reference)
    refused = _("Backup %(id)s was not deleted", id=backup.id)
    _must_not_be_protected(backup, refused)
    if standing is not None:
        standing.must_not_be_last(backup, refused)
    began = time.monotonic()
    with backup.alone(refused):
        # Again: it may have been protected until a moment ago.
        _must_not_be_protected(backup, refused)
        if standing is not None and not standing.still_holds(backup.id):
            # Nothing else is removed now: what is found is true until it is gone.
            _Standing.look(context).must_not_be_last(backup, refused)
        removal.remove(backup.root, backup.id, list(backup.files))
    logger.info(
        "Backup %s was deleted: %d bytes, %.1f s.",
        backup.id,
        sum(backup.files.values()),
        time.monotonic() - began,
    )
    return backup.id


def _must_not_be_protected(backup: BackupFiles, refused: str) -> None:
    if backup.record().protected:
        raise _Stays(
            refused,
            why=_("it is protected"),
            todo=_("Release it first with keep_backup --release, then delete it."),
        )
