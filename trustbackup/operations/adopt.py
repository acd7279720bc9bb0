"""Take backups over that were made elsewhere: checked in private first, then published.

What came is all good or none of it is taken over. With a manifest every file must be what
that says, to the byte; without one a dump is looked at by its first bytes, read to its end,
and listed as unverified. What has a name of ours keeps it, so that it is known again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trustbackup.exceptions import FolderError, UsageError, file_operation
from trustbackup.operations.filling import put_back
from trustbackup.operations.incoming import Candidate, assemble
from trustbackup.operations.site import Progress, Reporter, Site, quiet
from trustbackup.operations.unpack import unpack
from trustbackup.operations.verify import check_files
from trustbackup.phrases import gettext as _
from trustbackup.store import catalog, drafts, durable, intake, names, record
from trustbackup.store.entry import Entry, scan
from trustbackup.store.intake import Intake, Received
from trustbackup.store.streams import BLOCK, sha256_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Adopted:
    """A backup that was taken over, or that was here already with the same content."""

    id: str
    new: bool
    bytes: int
    signature: str
    """Who signed its manifest, in words; "" when it has none and is unverified."""
    files: tuple[str, ...]


def adopt_received(box: Intake, report: Reporter = quiet) -> list[Adopted]:
    """Publish the backups among the files in ``box``: dumps, manifests, bundles.

    Raises UsageError, ManifestError, FolderError or Busy; nothing was taken over then, unless
    publishing itself failed midway, which leaves whole backups only.
    """
    site = Site.current()
    if not box.received:
        raise UsageError(_("No file was given"), todo=_("Choose a dump, a manifest or a bundle."))
    files = []
    for received in list(box.received):
        report(Progress(stage=f"unpacking {received.name}"))
        files += unpack(box, received)
    candidates = assemble(site, files, report)
    entries = scan(site.settings.root)
    lacking = [_lacks(site, candidate, entries.get(candidate.id)) for candidate in candidates]
    here = [
        lacks or _is_here(site, candidate, entries.get(candidate.id))
        for candidate, lacks in zip(candidates, lacking, strict=True)
    ]
    report(Progress(stage="publishing"))
    adopted = []
    for candidate, known, lacks in zip(candidates, here, lacking, strict=True):
        identifier, stored = candidate.id, tuple(sorted(candidate.files))
        if lacks:
            put_back(site, entries[candidate.id], candidate.files)
        elif not known:
            identifier, stored = _publish(site, candidate)
            logger.info("Backup %s was taken over: %d bytes.", identifier, candidate.bytes)
        adopted.append(
            Adopted(
                id=identifier,
                new=lacks or not known,
                bytes=candidate.bytes,
                signature=candidate.signature.value if candidate.signature else "",
                files=stored,
            )
        )
    catalog.synchronise(site.settings.root, site.signer)
    return adopted


def adopt_paths(paths: Sequence[str], report: Reporter = quiet) -> list[Adopted]:
    """The same for files of this machine, which are copied.

    The manifest of a dump, and the dumps of a manifest, come along from the same folder.
    """
    root = Site.current().settings.root
    with intake.begin(root) as box:
        for path in dict.fromkeys(_with_companions(paths)):
            report(Progress(stage=f"copying {path.name}"))
            with (
                file_operation(_("Reading"), path),
                path.open("rb", buffering=0) as file,
                box.receive(path.name) as target,
            ):
                while block := file.read(BLOCK):
                    target.write(block)
        return adopt_received(box, report)


def _with_companions(paths: Iterable[str]) -> Iterator[Path]:
    for text in paths:
        path = Path(text).absolute()
        with file_operation(_("Reading"), path):
            if not path.is_file():
                path.stat()  # says what is wrong, if it is not there
                raise FolderError(
                    _("%(path)s is not a file", path=path),
                    todo=_("Give dumps, manifests, bundles."),
                )
        yield path
        if parsed := names.parse(path.name):
            entry = scan(path.parent).get(parsed.id)
            yield from (path.parent / name for name in sorted(entry.files if entry else ()))


def _lacks(site: Site, candidate: Candidate, entry: Entry | None) -> bool:
    """Whether the same backup is here without its data, or with a part of it."""
    if entry is None or not candidate.manifest or not _same_bytes(candidate.manifest, entry):
        return False
    return bool(entry.missing(entry.read_manifest(site.signer)[0]))


def _is_here(site: Site, candidate: Candidate, entry: Entry | None) -> bool:
    """Whether the same backup is here, whole. Raises UsageError when it is another one."""
    if entry is None:
        return False
    if candidate.manifest:
        same = _same_manifest(site, candidate.manifest, entry)
    else:
        same = all(_same_file(entry, *item) for item in candidate.files.items())
    if not same:
        raise UsageError(
            _("Backup %(id)s was not taken over", id=entry.id),
            why=_("another one of that name is here, with other content"),
            todo=_("Delete or move the one that is here, then try again."),
        )
    return True


def _same_manifest(site: Site, data: bytes, entry: Entry) -> bool:
    return _same_bytes(data, entry) and not check_files(entry, entry.read_manifest(site.signer)[0])


def _same_bytes(data: bytes, entry: Entry) -> bool:
    if not entry.has_manifest:
        return False
    name = names.manifest_name(entry.id)
    with durable.open_regular(entry.root / name) as file, file_operation(_("Reading"), name):
        return file.read(len(data) + 1) == data


def _same_file(entry: Entry, name: str, received: Received) -> bool:
    if entry.files.get(name) != received.size:
        return False
    with file_operation(_("Reading"), name):
        return sha256_of(entry.root / name) == received.sha256


def _publish(site: Site, candidate: Candidate) -> tuple[str, tuple[str, ...]]:
    root = site.settings.root
    begin = (
        drafts.begin_as(root, candidate.id)
        if candidate.id
        else drafts.begin(root, datetime.now(UTC))
    )
    with begin as draft:
        files = dict(candidate.files)
        if not candidate.id:
            (received,) = files.values()
            name = names.part_name(draft.id, "default", candidate.kind, candidate.suffix)
            files = {name: received}
        for name, received in files.items():
            draft.take(received.path, name)
        if candidate.marks:
            with draft.create(names.record_name(draft.id)) as file:
                file.write(record.render(draft.id, candidate.marks, site.signer))
        draft.publish(candidate.manifest or None)
    return draft.id, tuple(sorted(files))
