"""Which backups a destination lacks because its rules let them go, or would."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.db import DatabaseError

from trustbackup.models import Backup, Copy
from trustbackup.operations.offsite.remote import RemoteBackup
from trustbackup.operations.offsite.targets import DestinationRef
from trustbackup.operations.retention.groups import Groups
from trustbackup.operations.retention.situation import look
from trustbackup.operations.retention.there import as_copy, look_there
from trustbackup.policy.retention.unwanted import unwanted


def unwanted_at(
    ref: DestinationRef,
    there: Mapping[str, RemoteBackup],
    lacking: Collection[str],
    mended: Collection[str] = (),
) -> set[str]:
    """The ids of ``lacking`` that would be deleted at this destination as soon as they were there.

    ``there`` is what lies there now, of which ``mended`` are going to be made whole. A place that
    was only named by its address has no rules, and while the index can't be read every backup is
    wanted. Raises DestinationError, FolderError, ConfigurationError.
    """
    if ref.row is None or not lacking:
        return set()
    try:
        situation = look()
        groups = Groups(situation.plans, ref.name)
        candidates = [
            as_copy(row, entry, groups)
            for key in (*lacking, *mended)
            if (row := situation.rows.get(key)) and (entry := situation.entries.get(key))
            if row.state == Backup.State.COMPLETE
        ]
        if not any(rules.policy.deletes for rules in groups.rules.values()):
            return set()
        with ref.open() as destination:
            known = look_there(situation, ref, destination, there)
    except DatabaseError:
        return set()
    present = known.facts(groups)
    deleting = {key for key, copy in known.copies.items() if copy.state == Copy.State.DELETING}
    coming = {each.id for each in candidates}
    present = [each for each in present if each.id not in coming]
    found = unwanted(present, candidates, groups.rules, now=situation.now)
    # What an upload left that died is finished all the same: a prune deletes whole copies only,
    # and what it began to delete itself.
    begun = there.keys() - deleting
    return found.difference(mended, begun)
