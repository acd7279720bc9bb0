"""Backups that are at a destination: listed, checked there, and brought here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from trustbackup.destinations.base import DestinationBackend, DestinationError
from trustbackup.operations.context import Context
from trustbackup.operations.object_checks import lacking_objects
from trustbackup.operations.offsite.hydrate import hydrate_from
from trustbackup.operations.offsite.objects import bringing_objects, fetch_objects
from trustbackup.operations.offsite.remote import (
    RemoteBackup,
    find_remote,
    read_blocks,
    read_manifest,
    read_small,
)
from trustbackup.operations.offsite.targets import DestinationRef
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.operations.transfer.adopt import adopt_received
from trustbackup.phrases import gettext as _
from trustbackup.store import catalog, durable, names, staging
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.manifest import LARGEST


def fetch_backup(ref: DestinationRef, reference: str, report: Reporter = quiet) -> str:
    """Bring a backup here; its id. It is checked before it is listed, as an upload is.

    One that is here already with the same manifest stays as it is; of its data only what is
    missing comes. Raises BackupNotFound,
    DestinationError, ManifestError, UsageError, FolderError, Cancelled.
    """
    context = Context.current()
    with ref.open() as destination:
        remote = find_remote(destination, reference, context.signer)
        if (entry := _here(context, destination, remote)) is not None:
            # What is missing is asked while nobody can evict more of it.
            with entry.in_use() as held:
                lacking = _missing(held)
                if lacking:
                    hydrate_from(destination, held, ref.name, report)
            if lacking:
                catalog.synchronise(context.folder)
            return remote.id
        sizes = _sizes(context, destination, remote)
        with staging.begin(context.settings.backup_dir) as area:
            area.must_fit(sum(sizes.values()))
            done = 0
            for name, size in sizes.items():
                with area.receive(name) as target:
                    for block in read_blocks(destination, name, size):
                        target.write(block)
                        done += len(block)
                        report(
                            Progress(
                                stage=f"fetching from {ref.name}",
                                done=done,
                                total=sum(sizes.values()),
                            )
                        )
            with _bringing_objects(context, destination, remote, area, ref.name, report):
                adopt_received(area, report)
    return remote.id


def _missing(entry: BackupFiles) -> str:
    """A sentence on the first thing that is not here. Raises ManifestError, FolderError."""
    found, _signature = entry.read_manifest()
    if sentence := entry.missing(found):
        return sentence
    return next(filter(None, (lacking_objects(entry, part) for part in found.parts)), "")


@contextmanager
def _bringing_objects(
    context: Context,
    destination: DestinationBackend,
    remote: RemoteBackup,
    area: staging.StagingArea,
    name: str,
    report: Reporter,
) -> Iterator[None]:
    """While this is held, the objects of what was received are here, and stay."""
    if not remote.has_manifest:
        yield
        return
    found, _signature = read_manifest(destination, remote, context.signer)
    root = context.settings.backup_dir
    received = {(item.name, item.sha256): item.path for item in area.received}
    lists = {
        received[part.file, part.sha256]: part
        for part in found.parts
        if (part.file, part.sha256) in received
    }
    with bringing_objects(root, found):
        fetch_objects(destination, lists, root, area.folder, name, report)
        yield


def _sizes(
    context: Context, destination: DestinationBackend, remote: RemoteBackup
) -> dict[str, int]:
    """What to read, in the order in which it travels, and of each how many bytes at most.

    The manifest's sizes count, where there is one: no server can send more than it says. Raises
    ManifestError, DestinationError.
    """
    last = names.manifest_name(remote.id)
    if not remote.has_manifest:
        return dict(sorted(remote.files.items()))
    found, _signature = read_manifest(destination, remote, context.signer)
    parts = {part.file: part.bytes for part in found.parts}
    if lacking := remote.lacks(parts):
        raise DestinationError(
            _("Backup %(id)s was not fetched", id=remote.id),
            why=lacking,
            todo=_("Fetch it from another copy, or see list_backups --at for other backups."),
            permanent=True,
        )
    small = {name: min(remote.files[name], LARGEST) for name in remote.files}
    record = names.record_name(remote.id)
    return {
        **dict(sorted(parts.items())),
        **({record: small[record]} if record in small else {}),
        last: small[last],
    }


def _here(
    context: Context, destination: DestinationBackend, remote: RemoteBackup
) -> BackupFiles | None:
    """The same backup in the backup folder, if it is there; its data may be missing."""
    entry = context.folder.scan().get(remote.id)
    if entry is None or not entry.has_manifest or not remote.has_manifest:
        return None
    name = names.manifest_name(remote.id)
    if durable.read_small(entry.root / name, LARGEST) != read_small(destination, name):
        return None
    return entry
