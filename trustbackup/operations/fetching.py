"""Backups that are at a destination: listed, checked there, and brought here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import DatabaseError

from trustbackup.destinations.base import Destination, DestinationError
from trustbackup.exceptions import BackupNotFound, ManifestError
from trustbackup.models import Copy
from trustbackup.operations.adopt import adopt_received
from trustbackup.operations.filling import fill_in
from trustbackup.operations.places import Place
from trustbackup.operations.site import Progress, Reporter, Site, quiet
from trustbackup.operations.verify import SIGNED, Verdict, missing, wrong_size
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined
from trustbackup.store import catalog, intake, names
from trustbackup.store import manifest as manifests
from trustbackup.store.entry import Entry, scan
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

    One that is here already with the same manifest stays as it is; of its data only what is
    missing comes. Raises BackupNotFound,
    DestinationError, ManifestError, UsageError, FolderError, Cancelled.
    """
    site = Site.current()
    with place.open() as destination:
        remote = find_remote(destination, reference)
        if (entry := _here(site, destination, remote)) is not None:
            if entry.missing(entry.read_manifest(site.signer)[0]):
                fill_in(site, destination, entry, place.name, report)
                catalog.synchronise(site.settings.root, site.signer)
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


def _here(site: Site, destination: Destination, remote: Remote) -> Entry | None:
    """The same backup in the backup folder, if it is there; its data may be missing."""
    entry = scan(site.settings.root).get(remote.id)
    if entry is None or not entry.has_manifest or not remote.is_whole:
        return None
    name = names.manifest_name(remote.id)
    if (entry.root / name).read_bytes() != read_small(destination, name):
        return None
    return entry


def read_small(destination: Destination, name: str) -> bytes:
    """A file of at most a manifest's size, whole. Raises DestinationError."""
    with destination.open(name) as source:
        data = b""
        while len(data) <= manifests.LARGEST and (block := source.read(BLOCK)):
            data += block
    return data


def verify_at(place: Place, references: Sequence[str], report: Reporter = quiet) -> list[Verdict]:
    """Read copies back, whole, and compare them with their manifests; "all" means all.

    Raises BackupNotFound, and DestinationError or Cancelled when a copy can't be read to its
    end: that says nothing about it, and its state stays as it was.
    """
    site = Site.current()
    with place.open() as destination:
        if list(references) == ["all"]:
            there = list_remote(destination)
            remotes = [there[key] for key in sorted(there, key=names.order)]
        else:
            remotes = [find_remote(destination, reference) for reference in references]
        return [verify_remote(site, destination, remote, place, report) for remote in remotes]


def verify_remote(
    site: Site, destination: Destination, remote: Remote, place: Place, report: Reporter
) -> Verdict:
    """The same for one copy that was listed; how it ended is written into the index."""
    problems: list[str] = []
    signature = ""
    if not remote.is_whole:
        problems = [catalog.UNVERIFIED]
    else:
        try:
            found, signed = _remote_manifest(site, destination, remote)
            signature = signed.value
            if signed is not Signature.OURS:
                problems.append(SIGNED[signed])
            problems += _read_through(destination, remote, found, place.name, report)
        except ManifestError as error:
            problems.append(str(error))
        except DestinationError:
            if destination.stat(names.manifest_name(remote.id)) is not None:
                raise
            problems.append(catalog.UNVERIFIED)
    verdict = Verdict(id=remote.id, problems=tuple(problems), signature=signature)
    _note(place, verdict, remote)
    return verdict


def _remote_manifest(
    site: Site, destination: Destination, remote: Remote
) -> tuple[Manifest, Signature]:
    data = read_small(destination, names.manifest_name(remote.id))
    document, signature = manifests.read_signed(data, site.signer)
    return manifests.load(document, expected_id=remote.id), signature


def _read_through(
    destination: Destination, remote: Remote, found: Manifest, name: str, report: Reporter
) -> list[str]:
    """Read all data files there; a sentence for each that is missing or not the manifest's.

    Raises DestinationError when they can't be read, which says nothing about them.
    """
    problems: list[str] = []
    done = 0
    for part in found.parts:
        size = remote.files.get(part.file)
        if size is None:
            problems.append(missing(part))
            continue
        digest = hashlib.sha256()
        try:
            with destination.open(part.file) as source:
                while block := source.read(BLOCK):
                    digest.update(block)
                    done += len(block)
                    report(Progress(stage=f"reading {name}", done=done, total=found.bytes))
        except DestinationError:
            if destination.stat(part.file) is not None:
                raise
            problems.append(missing(part))
            continue
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
