"""Try identities on a header of every place, and note which of them opened something there.

Of each place the newest backup that a key opens is tried, by the first blocks of one of its files:
that costs a fraction of a second, so that it can be done now and then. It proves that the secret
is at hand and fits; that a backup restores is proven by a drill.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.db import DatabaseError

from trustbackup.destinations.base import DestinationBackend, NotMadeYet
from trustbackup.exceptions import ManifestError, TrustbackupError, UsageError, file_operation
from trustbackup.models import Backup, EncryptionKey, KeyProof
from trustbackup.operations.context import Context
from trustbackup.operations.offsite.remote import RemoteBackup, list_remote, read_manifest
from trustbackup.operations.offsite.targets import DestinationRef, all_destinations
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.phrases import gettext as _
from trustbackup.store import catalog, names
from trustbackup.store.age import SUFFIX
from trustbackup.store.durable import open_regular
from trustbackup.store.folder import LATEST_MANIFESTS
from trustbackup.store.identities import Identities
from trustbackup.store.key_proof import ENOUGH, opens
from trustbackup.store.signature import Signer

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class KeyTry:
    """What became of one identity at one place."""

    fingerprint: str
    name: str
    """The key's; "" where it has none."""
    place: str
    """A destination's name; "" for the backup folder."""
    identifier: str = ""
    """The backup that was tried; "" where none there is encrypted to this key."""
    opened: bool = False
    problem: str = ""
    """Why it was not opened."""


def prove_keys(known: Identities, report: Reporter = quiet) -> list[KeyTry]:
    """Try each identity here and at every destination that is set up, and keep what it opened.

    Nothing of an identity is kept. A place that does not answer stops no other. Raises
    UsageError, FolderError; Cancelled when ``report`` does.
    """
    if not known:
        raise UsageError(
            _("No identity was given"),
            todo=_("Give one: --identity FILE, --stdin, or TRUSTBACKUP_IDENTITY."),
        )
    context = Context.current()
    called = _names()
    report(Progress(stage="trying the backup folder"))
    tries = [
        _try(identity, called.get(key, ""), "", _newest_here(context, key), _reader(context))
        for key, identity in _each(known)
    ]
    for ref in all_destinations():
        report(Progress(stage=f"trying {ref.name}"))
        tries += _tries_at(ref, context.signer, known, called)
    for each in tries:
        if each.opened:
            _note(each)
    return tries


def _names() -> dict[str, str]:
    with suppress(DatabaseError):
        return dict(EncryptionKey.objects.values_list("fingerprint", "name"))
    return {}


def _each(known: Identities) -> Iterator[tuple[str, Identities]]:
    """Each by itself, after the fingerprint of its public key; none twice."""
    pairs = dict(zip(known.fingerprints, known.keys, strict=True))
    for fingerprint, key in pairs.items():
        yield fingerprint, Identities((key,), (fingerprint,))


Target = tuple[str, str]
"""A backup's id, and the name of one of its encrypted files; both "" where there is none."""


def _newest_here(context: Context, fingerprint: str) -> Target:
    fitting = [
        row
        for row in catalog.synchronise(context.folder).values()
        if row.state == Backup.State.COMPLETE and fingerprint in row.key_fingerprints
    ]
    if not fitting:
        return "", ""
    found = max(fitting, key=lambda row: names.order(row.identifier))
    return found.identifier, _encrypted_one([each["file"] for each in found.files])


def _reader(context: Context) -> Callable[[str], bytes]:
    def head(file: str) -> bytes:
        with file_operation(_("Reading"), file), open_regular(context.folder.root / file) as opened:
            return opened.read(ENOUGH)

    return head


def _tries_at(
    ref: DestinationRef, signer: Signer, known: Identities, called: Mapping[str, str]
) -> list[KeyTry]:
    wanted = dict(_each(known))
    try:
        with ref.open() as destination:
            newest = _newest_there(destination, signer, set(wanted))

            def head(file: str) -> bytes:
                return _head_of(destination, file)

            return [
                _try(identity, called.get(key, ""), ref.name, newest.get(key, ("", "")), head)
                for key, identity in wanted.items()
            ]
    except TrustbackupError as error:
        return [
            KeyTry(
                fingerprint=key, name=called.get(key, ""), place=ref.name, problem=error.sentence
            )
            for key in wanted
        ]


def _newest_there(
    destination: DestinationBackend, signer: Signer, wanted: set[str]
) -> dict[str, Target]:
    """By its fingerprint the newest backup that a key opens. Raises DestinationError.

    As many manifests are read as for ``latest``; what lies behind them was made long ago.
    """
    there: dict[str, RemoteBackup] = {}
    with suppress(NotMadeYet):
        there = list_remote(destination)
    found: dict[str, Target] = {}
    complete = [key for key in there if there[key].has_manifest]
    encrypted = [key for key in complete if _encrypted_one(there[key].files)]
    for key in sorted(encrypted, key=names.order, reverse=True)[:LATEST_MANIFESTS]:
        with suppress(ManifestError):
            manifest, _signature = read_manifest(destination, there[key], signer)
            for fingerprint in wanted & set(manifest.keys):
                found.setdefault(fingerprint, (key, _encrypted_one(there[key].files)))
        if found.keys() == wanted:
            break
    return found


def _head_of(destination: DestinationBackend, file: str) -> bytes:
    data = bytearray()
    with destination.open(file) as source:
        while len(data) < ENOUGH and (block := source.read(ENOUGH - len(data))):
            data += block
    return bytes(data)


def _encrypted_one(files: Iterable[str]) -> str:
    """The first by its name, so that a proof is of the same file each time; "" for none."""
    return min((file for file in files if file.endswith(SUFFIX)), default="")


def _try(
    identity: Identities, name: str, place: str, target: Target, head: Callable[[str], bytes]
) -> KeyTry:
    (fingerprint,) = identity.fingerprints
    identifier, file = target
    found = KeyTry(fingerprint=fingerprint, name=name, place=place, identifier=identifier)
    if not file:
        return replace(found, problem=_("No backup there is encrypted to this key."))
    try:
        if opens(head(file), identity, file):
            return replace(found, opened=True)
    except TrustbackupError as error:
        return replace(found, problem=error.sentence)
    # Its manifest names the key, and its header has it for somebody else.
    return replace(
        found, problem=_("%(file)s is encrypted to other keys than its manifest says.", file=file)
    )


def _note(done: KeyTry) -> None:
    """Best effort, as all of the index: what was opened was opened."""
    try:
        KeyProof.objects.update_or_create(
            fingerprint=done.fingerprint,
            place=done.place,
            defaults={"identifier": done.identifier, "at": datetime.now(UTC)},
        )
    except DatabaseError as error:
        logger.debug("The proof of a key can't be recorded: %s", error)
