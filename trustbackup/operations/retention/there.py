"""Retention at a destination: what is known of the copies there, and what is to become of them.

Where a backup is here, too, its row tells. Of others the manifest at the destination does: it is
read once, and what it says is kept in the copy's row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from trustbackup.destinations.base import DestinationBackend
from trustbackup.exceptions import ManifestError
from trustbackup.models import Backup, Copy, Destination
from trustbackup.operations.backup.facts import plan_note_of
from trustbackup.operations.offsite.remote import RemoteBackup, read_manifest, read_small
from trustbackup.operations.offsite.targets import DestinationRef, address_of
from trustbackup.operations.retention.groups import Groups
from trustbackup.operations.retention.situation import Situation
from trustbackup.policy.protection import BackupFacts
from trustbackup.policy.retention.decide import Judgement, decide
from trustbackup.policy.retention.reasons import Reason
from trustbackup.store import names, record
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.folder import LATEST_MANIFESTS
from trustbackup.store.manifest import format_time
from trustbackup.store.plan_note import read_plan_note
from trustbackup.store.signature import Signature

_ON_ITS_WAY = (Copy.State.WAITING, Copy.State.UPLOADING)
Known = dict[str, Any]
"""What a copy's row keeps of its backup, as JSON."""


def judge_there(
    situation: Situation,
    ref: DestinationRef,
    destination: DestinationBackend,
    there: Mapping[str, RemoteBackup],
    *,
    confirmed: bool = False,
) -> Judgement:
    """Keep or delete, for every copy there that has a manifest. Raises DestinationError."""
    found = look_there(situation, ref, destination, there)
    return _judge(situation, ref.name, destination.address, found, confirmed=confirmed)


def judge_copies(situation: Situation, row: Destination, found: CopiesThere) -> Judgement:
    """The same for copies of which somebody knows already, without a look at the destination."""
    return _judge(situation, row.name, address_of(row), found)


def _judge(
    situation: Situation,
    name: str,
    address: str,
    found: CopiesThere,
    *,
    confirmed: bool = False,
) -> Judgement:
    groups = Groups(situation.plans, name)
    spared = dict.fromkeys(situation.used, Reason.IN_USE)
    for row in situation.rows.values():
        if row.state == Backup.State.OFFLOADED and row.offloaded_to in (name, address):
            spared[row.identifier] = Reason.ONLY_DATA
    for key, copy in found.copies.items():
        if copy.state in _ON_ITS_WAY:
            spared[key] = Reason.IN_USE
    return decide(
        found.facts(groups),
        groups.rules,
        now=situation.now,
        paused=groups.paused(situation.failed, situation.odd),
        spared=spared,
        confirmed=confirmed,
    )


@dataclass(frozen=True, kw_only=True)
class CopiesThere:
    """The copies at one destination that have a manifest, by id, and what is known of each."""

    whole: Mapping[str, RemoteBackup]
    copies: Mapping[str, Copy]
    known: Mapping[str, Known]

    def facts(self, groups: Groups) -> list[BackupFacts]:
        """What the rules need to know of each."""
        return [
            _facts(remote, self.known.get(key), self.copies.get(key), groups)
            for key, remote in self.whole.items()
        ]


def look_there(
    situation: Situation,
    ref: DestinationRef,
    destination: DestinationBackend,
    there: Mapping[str, RemoteBackup],
) -> CopiesThere:
    """What is known of what lies there. Raises DestinationError."""
    copies = {row.identifier: row for row in Copy.objects.filter(destination=ref.row)}
    whole = {key: remote for key, remote in there.items() if remote.has_manifest}
    known = _know(situation, ref, destination, whole, copies)
    return CopiesThere(whole=whole, copies=copies, known=known)


def copies_by_index(situation: Situation, row: Destination) -> CopiesThere:
    """What the index knows of the copies at a destination, without a look there.

    Who prunes looks there: what changed behind the index's back may be judged otherwise then.
    """
    whole: dict[str, RemoteBackup] = {}
    copies: dict[str, Copy] = {}
    known: dict[str, Known] = {}
    for copy in Copy.objects.filter(destination=row):
        key, here = copy.identifier, situation.rows.get(copy.identifier)
        facts = copy.facts or (_by_row(here) if here and key in situation.entries else None)
        seen = copy.is_there or (copy.state == Copy.State.FAILED and copy.facts)
        if facts is None or not (seen or copy.state in _ON_ITS_WAY):
            continue
        manifest = copy.bytes - sum(facts["files"].values())
        files = {**facts["files"], names.manifest_name(key): max(manifest, 0)}
        whole[key], copies[key], known[key] = RemoteBackup(key, files), copy, facts
    return CopiesThere(whole=whole, copies=copies, known=known)


def as_copy(row: Backup, entry: BackupFiles, groups: Groups) -> BackupFacts:
    """What would be known of a backup that is here, once its copy had arrived."""
    known = _by_row(row)
    sizes = {name: size for name, size in entry.files.items() if name in known["files"]}
    manifest = names.manifest_name(row.identifier)
    remote = RemoteBackup(row.identifier, {**sizes, manifest: entry.files.get(manifest, 0)})
    return _facts(remote, known, Copy(tries=1, state=Copy.State.STORED), groups)


def _facts(
    remote: RemoteBackup, known: Known | None, copy: Copy | None, groups: Groups
) -> BackupFacts:
    created = names.time_of(remote.id) or datetime.min.replace(tzinfo=UTC)
    if known is None:
        return BackupFacts(id=remote.id, sort="", created=created, whole=False, ours=False)
    # Hashes were compared when it came there, or later. One that was only ever listed is unknown.
    compared = copy is not None and (copy.tries > 0 or copy.state == Copy.State.VERIFIED)
    failed = copy is not None and copy.state == Copy.State.FAILED
    return BackupFacts(
        id=remote.id,
        sort=f"{known['kind']} {known['databases']}",
        created=datetime.fromisoformat(known["created"]),
        whole=not remote.lacks(known["files"]),
        ours=known["ours"],
        checked=False if failed or known["checked"] is False else compared or None,
        drilled=known["drilled"] if compared or known["drilled"] is False else None,
        protected=known["protected"],
        # The record grows and shrinks: a limit would be kept now and not the next time.
        bytes=remote.bytes - remote.files.get(names.record_name(remote.id), 0),
        group=groups.of(read_plan_note(known["plan"])),
    )


def _know(
    situation: Situation,
    ref: DestinationRef,
    destination: DestinationBackend,
    whole: Mapping[str, RemoteBackup],
    copies: dict[str, Copy],
) -> dict[str, Known]:
    """What is known of each copy; of the first ones alone where very many must be read."""
    found: dict[str, Known] = {}
    changed: list[Copy] = []
    unread = LATEST_MANIFESTS
    for key, remote in whole.items():
        copy = copies.get(key)
        facts = _from_here(situation, remote)
        if facts is None and copy is not None and copy.facts:
            facts = copy.facts
        elif facts is None and unread:
            unread -= 1
            facts = _from_there(situation, destination, remote)
        if facts is None:
            continue
        found[key] = facts
        if copy is None and ref.row is not None:
            copies[key] = Copy.objects.create(
                identifier=key,
                destination=ref.row,
                state=Copy.State.STORED,
                bytes=remote.bytes,
                changed=situation.now,
                facts=facts,
            )
        elif copy is not None and copy.facts != facts:
            copy.facts = facts
            changed.append(copy)
    Copy.objects.bulk_update(changed, ["facts"], batch_size=500)
    return found


def _from_here(situation: Situation, remote: RemoteBackup) -> Known | None:
    """By the row of the backup, where it is here and has the same manifest."""
    row, entry = situation.rows.get(remote.id), situation.entries.get(remote.id)
    name = names.manifest_name(remote.id)
    if row is None or entry is None or entry.files.get(name, -1) != remote.files[name]:
        return None
    return _by_row(row)


def _by_row(row: Backup) -> Known:
    note = plan_note_of(row)
    return {
        "kind": row.kind,
        "databases": row.databases,
        "created": format_time(row.created),
        "plan": asdict(note) if note else None,
        "ours": row.signature == Signature.OURS.name.lower(),
        "files": {item["file"]: item["bytes"] for item in row.files},
        "checked": row.checked_ok,
        "drilled": row.drilled_ok,
        "protected": row.protected,
    }


def _from_there(
    situation: Situation, destination: DestinationBackend, remote: RemoteBackup
) -> Known | None:
    """By the manifest and the record there; None for what is no manifest."""
    signer = situation.context.signer
    try:
        found, signature = read_manifest(destination, remote, signer)
    except ManifestError:
        return None
    noted = record.Record()
    name = names.record_name(remote.id)
    if name in remote.files:
        noted = record.load(read_small(destination, name), remote.id, signer)
    return {
        "kind": found.kind,
        "databases": found.contents,
        "created": format_time(found.created),
        "plan": asdict(found.plan) if found.plan else None,
        "ours": signature is Signature.OURS,
        "files": {part.file: part.bytes for part in found.parts},
        "checked": noted.checked.ok if noted.checked else None,
        "drilled": noted.drilled.ok if noted.drilled else None,
        "protected": noted.protected,
    }
