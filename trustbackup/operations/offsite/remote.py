"""What lies at a destination: the files of each backup, and whether they are all there."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from trustbackup.destinations.base import DestinationBackend, TooLong
from trustbackup.exceptions import BackupNotFound, FolderError, ManifestError
from trustbackup.phrases import gettext as _
from trustbackup.phrases import ngettext
from trustbackup.store import durable, names, sealed_manifest
from trustbackup.store import manifest as manifests
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.folder import LATEST_MANIFESTS, LATEST_SECONDS
from trustbackup.store.manifest import Manifest
from trustbackup.store.signature import Signature, Signer, no_signed_backup, too_many_others
from trustbackup.store.streams import BLOCK


@dataclass
class RemoteBackup:
    """The files at a destination that carry one id, with their sizes in bytes."""

    id: str
    files: dict[str, int] = field(default_factory=dict)

    @property
    def has_manifest(self) -> bool:
        """Its manifest, which travels last, is there; that says nothing about the other files."""
        return names.manifest_name(self.id) in self.files

    def lacks(self, expected: Mapping[str, int]) -> str:
        """A sentence on the first file that is not there with its size (bytes); "" for none."""
        for name, size in sorted(expected.items()):
            there = self.files.get(name)
            if there is None:
                return _("%(file)s is not there any more.", file=name)
            if there != size:
                return _(
                    "%(file)s has %(there)d bytes there instead of %(expected)d.",
                    file=name,
                    there=there,
                    expected=size,
                )
        return ""

    @property
    def bytes(self) -> int:
        return sum(self.files.values())


def list_remote(destination: DestinationBackend) -> dict[str, RemoteBackup]:
    """What is at a destination, by id. Raises DestinationError."""
    found: dict[str, RemoteBackup] = {}
    for stored in destination.list():
        if parsed := names.parse(stored.name):
            found.setdefault(parsed.id, RemoteBackup(parsed.id)).files[stored.name] = stored.size
    return found


def read_manifest(
    destination: DestinationBackend, remote: RemoteBackup, signer: Signer
) -> tuple[Manifest, Signature]:
    """The manifest there, and who signed it. Raises ManifestError, DestinationError."""
    data = read_small(destination, names.manifest_name(remote.id))
    document, signature = sealed_manifest.read(data, signer)
    return manifests.load(document, expected_id=remote.id), signature


@dataclass
class Looked:
    """What a look at all copies has found."""

    problems: dict[str, str] = field(default_factory=dict)
    """Id → why a copy is not complete; "" when all its files are there, whole by size."""
    unread: list[str] = field(default_factory=list)
    """Ids of those whose manifest was not read any more: too many others are not this site's."""


def look_at_all(
    destination: DestinationBackend,
    there: Mapping[str, RemoteBackup],
    signer: Signer,
    here: Mapping[str, BackupFiles],
    first: Collection[str] = (),
) -> Looked:
    """Look whether copies that were listed are complete: ``first`` these, then the newest first.

    ``here`` are the backups in the folder: where the same manifest is here, that one is read. What
    this site signed is read however much it is, of others as much as ``LATEST_MANIFESTS`` and
    ``LATEST_SECONDS`` say. Raises DestinationError.
    """
    found, foreign, spent = Looked(), 0, 0.0
    for key in sorted(there, key=lambda key: (key in first, names.order(key)), reverse=True):
        remote, name = there[key], names.manifest_name(key)
        if not remote.has_manifest:
            found.problems[key] = _("There is no manifest: it was not copied to its end.")
            continue
        entry = here.get(key)
        is_here = entry is not None and entry.files.get(name) == remote.files[name]
        if not is_here and (foreign >= LATEST_MANIFESTS or spent > LATEST_SECONDS):
            found.unread.append(key)
            continue
        began, is_ours = time.monotonic(), False
        try:
            if entry is not None and is_here:
                known, signature = entry.read_manifest()
            else:
                known, signature = read_manifest(destination, remote, signer)
            is_ours = signature is Signature.OURS
            found.problems[key] = remote.lacks({part.file: part.bytes for part in known.parts})
        except (ManifestError, FolderError) as error:
            found.problems[key] = str(error)
        if not is_here and not is_ours:
            foreign, spent = foreign + 1, spent + time.monotonic() - began
    return found


def not_looked_at(where: str, unread: Sequence[str]) -> str:
    """A sentence on copies whose manifest was not read."""
    return ngettext(
        "%(number)d backup at %(where)s was not looked at: too many others there are not signed"
        " by this site. Find out who put them there.",
        "%(number)d backups at %(where)s were not looked at: too many others there are not signed"
        " by this site. Find out who put them there.",
        len(unread),
        where=where,
    )


def find_remote(destination: DestinationBackend, reference: str, signer: Signer) -> RemoteBackup:
    """A backup by its id or a file's name, or the newest of this site for ``latest``.

    What bears no signature of this site's keys is never the latest: anybody who may write there
    could have put it there. Raises BackupNotFound, DestinationError.
    """
    found = list_remote(destination)
    if reference == "latest":
        return _latest(destination, found, signer)
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


def _latest(
    destination: DestinationBackend, found: dict[str, RemoteBackup], signer: Signer
) -> RemoteBackup:
    named = sorted((key for key in found if found[key].has_manifest), key=names.order)
    until = time.monotonic() + LATEST_SECONDS
    for number, key in enumerate(reversed(named)):
        if number == LATEST_MANIFESTS or time.monotonic() > until:
            raise too_many_others(destination.address, number)
        with suppress(ManifestError):
            manifest, signature = read_manifest(destination, found[key], signer)
            if signature is Signature.OURS and manifest.holds_databases:
                return found[key]
    if not named:
        raise BackupNotFound(
            _("There is no backup at %(address)s", address=destination.address),
            todo=_("Copy one there first."),
        )
    raise no_signed_backup(destination.address, len(named))


def has_copy_of(destination: DestinationBackend, entry: BackupFiles, found: Manifest) -> bool:
    """Whether the same manifest is there now, and all of its files with the sizes that it says.

    Asked of each file: a list that was made before may be hours old. Raises DestinationError.
    """
    name = names.manifest_name(entry.id)
    for part in found.parts:
        stored = destination.stat(part.file)
        if stored is None or stored.size != part.bytes:
            return False
    return destination.stat(name) is not None and (
        read_small(destination, name) == durable.read_small(entry.root / name, manifests.LARGEST)
    )


def read_blocks(destination: DestinationBackend, name: str, size: int) -> Iterator[bytes]:
    """A file there that is known to have ``size`` bytes, and no byte more of it.

    Raises DestinationError, and TooLong when there is more: a server need never end.
    """
    left = size
    with destination.open(name) as source:
        while block := source.read(min(BLOCK, left + 1)):
            left -= len(block)
            if left < 0:
                raise TooLong(
                    _(
                        "%(name)s was not read from %(address)s",
                        name=name,
                        address=destination.address,
                    ),
                    why=_("it is longer than the %(size)d bytes that it should have", size=size),
                    todo=_("Verify the backup at that destination."),
                    permanent=True,
                )
            yield block


def read_small(destination: DestinationBackend, name: str) -> bytes:
    """A file of at most a manifest's size, whole. Raises DestinationError."""
    with destination.open(name) as source:
        data = bytearray()
        while len(data) <= manifests.LARGEST and (block := source.read(BLOCK)):
            data += block
    return bytes(data)
