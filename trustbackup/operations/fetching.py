"""Backups that are at a destination: listed, checked there, and brought here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import DatabaseError

from trustbackup.destinations.base import Destination
from trustbackup.exceptions import BackupNotFound, Cancelled, TrustbackupError
from trustbackup.models import Copy
from trustbackup.operations.adopt import adopt_received
from trustbackup.operations.places import Place
from trustbackup.operations.site import Progress, Reporter, Site, quiet
from trustbackup.operations.verify import SIGNED, Verdict, missing, wrong_size
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined
from trustbackup.store import catalog, intake, names
from trustbackup.store import manifest as manifests
from trustbackup.store.manifest import Manifest
from trustbackup.store.signature import Signature
from trustbackup.store.streams import BLOCK


@dataclass
class Remote:
    """The files at a destination that carry one id, with their sizes in bytes."""

    id: str
    files: dict[str, int] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Its manifest, which travels last, is there."""
        return names.manifest_name(self.id) in self.files

    @property
    def bytes(self) -> int:
        return sum(self.files.values())


def list_remote(destination: Destination) -> dict[str, Remote]:
    """What is at a destination, by id. Raises DestinationError."""
    found: dict[str, Remote] = {}
    for stored in destination.list():
        if parsed := names.parse(stored.name):
            found.setdefault(parsed.id, Remote(parsed.id)).files[stored.name] = stored.size
    return found


def find_remote(destination: Destination, reference: str) -> Remote:
    """A backup by its id or a file's name, or the newest whole one for ``latest``.

    Raises BackupNotFound, DestinationError.
    """
    found = list_remote(destination)
    if reference == "latest":
        whole = [key for key, remote in found.items() if remote.is_whole]
        if not whole:
            raise BackupNotFound(
                _("There is no backup at %(address)s", address=destination.address),
                todo=_("Copy one there first."),
            )
        return found[max(whole, key=names.order)]
    parsed = names.parse(reference)
    for key in (reference, parsed.id if parsed else ""):
        if key in found:
            return found[key]
    raise BackupNotFound(
        _(
            "There is no backup %(name)r at %(address)s",
            name=reference[:200],
            address=destination.address,
        ),
        todo=_("See list_backups --at for those that are there."),
    )


def fetch_backup(place: Place, reference: str, report: Reporter = quiet) -> str:
    """Bring a backup here; its id. It is checked before it is listed, as an upload is.

    One that is here already with the same content stays as it is. Raises BackupNotFound,
    DestinationError, ManifestError, UsageError, FolderError, Cancelled.
    """
    site = Site.current()
    with place.open() as destination:
        remote = find_remote(destination, reference)
        if _is_here(site, destination, remote):
            return remote.id
        with intake.begin(site.settings.root) as box:
            done = 0
            for name in _in_order(remote):
                with destination.open(name) as source, box.receive(name) as target:
                    while block := source.read(BLOCK):
                        target.write(block)
                        done += len(block)
                        report(
                            Progress(
                                stage=f"fetching from {place.name}",
                                done=done,
                                total=remote.bytes,
                            )
                        )
            adopt_received(box, report)
    return remote.id


def _in_order(remote: Remote) -> list[str]:
    last = names.manifest_name(remote.id)
    return sorted(remote.files, key=lambda name: (name == last, name))


def _is_here(site: Site, destination: Destination, remote: Remote) -> bool:
    entry = catalog.scan(site.settings.root).get(remote.id)
    if entry is None or not entry.has_manifest or not remote.is_whole:
        return False
    name = names.manifest_name(remote.id)
    if (entry.root / name).read_bytes() != _read_small(destination, name):
        return False
    return not entry.missing(entry.read_manifest(site.signer)[0])


def _read_small(destination: Destination, name: str) -> bytes:
    with destination.open(name) as source:
        data = b""
        while len(data) <= manifests.LARGEST and (block := source.read(BLOCK)):
            data += block
    return data


def verify_at(place: Place, references: Sequence[str], report: Reporter = quiet) -> list[Verdict]:
    """Read copies back, whole, and compare them with their manifests; "all" means all.

    Raises BackupNotFound, DestinationError when the destination can't be used at all, Cancelled.
    """
    site = Site.current()
    with place.open() as destination:
        if list(references) == ["all"]:
            there = list_remote(destination)
            remotes = [there[key] for key in sorted(there, key=names.order)]
        else:
            remotes = [find_remote(destination, reference) for reference in references]
        return [_verify(site, destination, remote, place, report) for remote in remotes]


def _verify(
    site: Site, destination: Destination, remote: Remote, place: Place, report: Reporter
) -> Verdict:
    problems: list[str] = []
    signature = ""
    if not remote.is_whole:
        problems = [_("It has no manifest: whether it is whole is not known.")]
    else:
        try:
            found, signed = _remote_manifest(site, destination, remote)
            signature = signed.value
            if signed is not Signature.OURS:
                problems.append(SIGNED[signed])
            problems += _compare(destination, remote, found, place, report)
        except Cancelled:
            raise  # it says nothing about the copy
        except TrustbackupError as error:
            problems.append(str(error))
    verdict = Verdict(id=remote.id, problems=tuple(problems), signature=signature)
    _note(place, verdict, remote)
    return verdict


def _remote_manifest(
    site: Site, destination: Destination, remote: Remote
) -> tuple[Manifest, Signature]:
    data = _read_small(destination, names.manifest_name(remote.id))
    document, signature = manifests.read_signed(data, site.signer)
    return manifests.load(document, expected_id=remote.id), signature


def _compare(
    destination: Destination, remote: Remote, found: Manifest, place: Place, report: Reporter
) -> list[str]:
    problems = []
    done = 0
    for part in found.parts:
        size = remote.files.get(part.file)
        if size is None:
            problems.append(missing(part))
            continue
        digest = hashlib.sha256()
        with destination.open(part.file) as source:
            while block := source.read(BLOCK):
                digest.update(block)
                done += len(block)
                report(Progress(stage=f"reading {place.name}", done=done, total=found.bytes))
        if size != part.bytes:
            problems.append(wrong_size(part, size))
        elif digest.hexdigest() != part.sha256:
            problems.append(
                _("%(file)s is corrupt: its SHA-256 is not the manifest's.", file=part.file)
            )
    return problems


def _note(place: Place, verdict: Verdict, remote: Remote) -> None:
    if place.row is None:
        return
    now = datetime.now(UTC)
    state = Copy.State.VERIFIED if verdict.ok else Copy.State.FAILED
    values = {
        "state": state,
        "bytes": remote.bytes,
        "changed": now,
        "problem": joined(verdict.problems),
        "permanent": False,
    }
    if verdict.ok:
        values["verified_at"] = now
    try:
        Copy.objects.update_or_create(identifier=remote.id, destination=place.row, defaults=values)
    except DatabaseError:
        return
