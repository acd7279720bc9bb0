"""Retention at a destination: what is known of the copies there, and what is to become of them.

Where a backup is here, too, its row tells. Of others the manifest at the destination does: it is
read once, and what it says is kept in the copy's row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from trustbackup.destinations.base import DestinationBackend
from trustbackup.exceptions import ManifestError
from trustbackup.models import Backup, Copy
from trustbackup.operations.backup.facts import plan_note_of
from trustbackup.operations.offsite.remote import RemoteBackup, read_manifest, read_small
from trustbackup.operations.offsite.targets import DestinationRef
from trustbackup.operations.retention.groups import Groups
from trustbackup.operations.retention.situation import Situation
from trustbackup.policy.protection import BackupFacts
from trustbackup.policy.retention.decide import Judgement, decide
from trustbackup.policy.retention.reasons import Reason
from trustbackup.store import names, record
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
    copies = {row.identifier: row for row in Copy.objects.filter(destination=ref.row)}
    whole = {key: remote for key, remote in there.items() if remote.has_manifest}
    known = _know(situation, ref, destination, whole, copies)
    groups = Groups(situation.plans, ref.name)
    spared = dict.fromkeys(situation.used, Reason.IN_USE)
    address = destination.address
    for row in situation.rows.values():
        if row.state == Backup.State.OFFLOADED and row.offloaded_to in (ref.name, address):
            spared[row.identifier] = Reason.ONLY_DATA
    facts = []
    for key, remote in whole.items():
        copy = copies.get(key)
        if copy is not None and copy.state in _ON_ITS_WAY:
            spared[key] = Reason.IN_USE
        facts.append(_facts(remote, known.get(key), copy, groups))
    return decide(
        facts,
        groups.rules,
        now=situation.now,
        paused=groups.paused(situation.failed, situation.odd),
        spared=spared,
        confirmed=confirmed,
    )


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
        bytes=remote.bytes,
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
    databases = "".join(f",{part.part}" for part in found.parts if part.engine) + ","
    return {
        "kind": found.kind,
        "databases": databases,
        "created": format_time(found.created),
        "plan": asdict(found.plan) if found.plan else None,
        "ours": signature is Signature.OURS,
        "files": {part.file: part.bytes for part in found.parts},
        "checked": noted.checked.ok if noted.checked else None,
        "drilled": noted.drilled.ok if noted.drilled else None,
        "protected": noted.protected,
    }
