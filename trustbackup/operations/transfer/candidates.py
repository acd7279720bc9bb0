"""What came from elsewhere, sorted into backups and checked before any is published."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from trustbackup.exceptions import ManifestError, UsageError
from trustbackup.operations.checks import format_of
from trustbackup.operations.context import Context
from trustbackup.operations.object_checks import said_of
from trustbackup.operations.progress import Progress, Reporter
from trustbackup.operations.transfer.bundle import SUMS
from trustbackup.operations.transfer.unpack import SizeLimited
from trustbackup.phrases import Grouped, joined
from trustbackup.phrases import gettext as _
from trustbackup.store import identities, manifest, names, record, sealed_manifest
from trustbackup.store.age import SUFFIX
from trustbackup.store.manifest import Manifest, Part
from trustbackup.store.objects import FORMAT, ObjectStore, read_object_list
from trustbackup.store.record import Record
from trustbackup.store.signature import Signature
from trustbackup.store.staging import Received
from trustbackup.store.streams import BLOCK, Decompressed

RATIO = 100
"""Times its packed size that a dump without a manifest may have unpacked."""
ALLOWANCE = 1 << 30
"""Bytes that it may have besides. Reading these takes a second and writes nothing."""
_LARGEST_RECORD = 1 << 20
_SUM = re.compile(rb"([0-9a-f]{64})  (\S+)")


@dataclass(kw_only=True)
class IncomingBackup:
    """A backup that was found good. ``id`` "" asks for a fresh one, for its single file."""

    id: str
    files: dict[str, Received]
    manifest: bytes = b""
    signature: Signature | None = None
    record: Record | None = None
    kind: str = "dump"
    suffix: str = ""

    @property
    def bytes(self) -> int:
        return sum(received.size for received in self.files.values())


@dataclass
class _Sorted:
    """The files by what they are: by their content where that tells, never by name alone."""

    data: dict[str, Received] = field(default_factory=dict)
    manifests: dict[str, Received] = field(default_factory=dict)
    records: dict[str, Received] = field(default_factory=dict)
    sums: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    """The names of data files that a manifest knows."""

    def of(self, kind: str) -> dict[str, Received]:
        return {"manifest": self.manifests, "record": self.records, "data": self.data}[kind]


def assemble(context: Context, files: Sequence[Received], report: Reporter) -> list[IncomingBackup]:
    """The backups that the files make. Raises ManifestError, UsageError, FolderError."""
    found = _sort(files)
    for name, received in found.data.items():
        if found.sums.get(name, received.sha256) != received.sha256:
            raise _refused(name, _("its SHA-256 is not the one in %(file)s", file=SUMS))
    candidates: dict[str, IncomingBackup] = {}
    for received in found.manifests.values():
        candidate = _with_manifest(context, received, found, report)
        if candidate.id in candidates:
            raise _refused(received.name, _("two manifests of one backup came"))
        candidates[candidate.id] = candidate
    fresh = []
    for name in sorted(found.data.keys() - found.used):
        candidate = _without_manifest(context, found.data[name], report)
        if not candidate.id:
            fresh.append(candidate)
        elif (known := candidates.setdefault(candidate.id, candidate)).manifest:
            raise _refused(name, _("the manifest that came with it does not know it"))
        else:
            known.files.update(candidate.files)
    if not candidates and not fresh:
        raise UsageError(
            _("No backup was given"), todo=_("Choose a dump, its manifest, or a bundle.")
        )
    return [*candidates.values(), *fresh]


def _sort(files: Sequence[Received]) -> _Sorted:
    found = _Sorted()
    for received in files:
        if received.name == SUMS and received.size <= _LARGEST_RECORD:
            lines = received.path.read_bytes().splitlines()
            matches = filter(None, map(_SUM.fullmatch, lines))
            found.sums.update({match[2].decode("latin-1"): match[1].decode() for match in matches})
            continue
        alike = found.of(_kind_of(received))
        if received.name in alike:
            raise _refused(received.name, _("two files of that name came"))
        alike[received.name] = received
    return found


def _kind_of(received: Received) -> str:
    parsed = names.parse(received.name)
    if parsed and parsed.is_manifest:
        return "manifest"
    if parsed and parsed.is_record:
        return "record"
    with received.path.open("rb") as file:
        if file.read(1) != b"{" or received.size > manifest.LARGEST:
            return "data"
    try:
        document = json.loads(received.path.read_bytes())
    except (ValueError, RecursionError):
        return "data"
    if not {"schema", "id"} <= document.keys():
        return "data"
    return "manifest" if "parts" in document else "record"


# -------------------------------------------------------------------- with a manifest


def _with_manifest(
    context: Context, received: Received, found: _Sorted, report: Reporter
) -> IncomingBackup:
    try:
        data, signed, signature = _read_manifest(context, received)
    except ManifestError as error:
        raise ManifestError(
            joined([received.name, error.what], ": "), why=error.why, todo=error.todo
        ) from error
    files = {}
    for part in signed.parts:
        files[part.file] = _file_of(part, found)
        report(Progress(stage=f"checking {part.file}", done=0, total=part.bytes))
        _unpacks_to(files[part.file], part.raw_bytes, signature, report)
        _objects_are_here(context, files[part.file], part)
    return IncomingBackup(
        id=signed.id,
        files=files,
        manifest=data,
        signature=signature,
        record=_record_of(context, signed, found.records),
    )


def _objects_are_here(context: Context, received: Received, part: Part) -> None:
    """What is listed must restore: its objects come by a copy, never by an upload."""
    if part.format != FORMAT:
        return
    with Decompressed(received.path) as raw:
        objects = list(read_object_list(raw))
    if sentence := said_of(part, ObjectStore(context.settings.backup_dir).lacking(objects)):
        raise _refused(
            part.file, sentence, _("Bring the backup with sync_backups --pull from a copy of it.")
        )


def _read_manifest(context: Context, received: Received) -> tuple[bytes, Manifest, Signature]:
    with received.path.open("rb") as file:
        data = file.read(manifest.LARGEST + 1)
    document, signature = sealed_manifest.read(data, context.signer)
    identifier = document.get("id")
    if not isinstance(identifier, str) or not names.is_backup_id(identifier):
        raise ManifestError(_("The manifest is not valid"), why=_("its id is none of a backup"))
    signed = manifest.load(document, expected_id=identifier)
    if signature is Signature.ALTERED:
        raise ManifestError(
            _("Backup %(id)s was not taken over", id=identifier),
            why=_("its manifest was altered since it was signed"),
            todo=_("Give another copy of it."),
        )
    made = names.time_of(identifier)
    # It would be the newest for ever, and nobody knows who says so.
    if signature is Signature.UNKNOWN and (made is None or made > _tomorrow()):
        raise ManifestError(
            _("Backup %(id)s was not taken over", id=identifier),
            why=_("it says that it was made in the future, and an unknown key has signed it"),
            todo=_("Set the clock of the machine that made it, and make another one."),
        )
    return data, signed, signature


def _file_of(part: Part, found: _Sorted) -> Received:
    """The file of a part: by its name, or, as browsers rename what they save, by its hash."""
    like_it = [name for name, each in found.data.items() if each.sha256 == part.sha256]
    candidates = [part.file, *like_it] if part.file in found.data else like_it
    name = next((name for name in candidates if name not in found.used), "")
    if not name:
        raise _refused(part.file, _("its manifest came without it"), _("Give both together."))
    found.used.add(name)
    received = found.data[name]
    if received.size != part.bytes:
        why = _(
            "it has %(size)d bytes, and its manifest says %(expected)d",
            size=received.size,
            expected=part.bytes,
        )
        raise _refused(part.file, why)
    if received.sha256 != part.sha256:
        raise _refused(part.file, _("its SHA-256 is not the one in the manifest"))
    return received


def _unpacks_to(received: Received, size: int, signature: Signature, report: Reporter) -> None:
    """Read it to its end, which must come after that many bytes. Raises ManifestError.

    Of the manifests only ours may say how much work that is.
    """
    limit = size
    if signature is not Signature.OURS:
        limit = min(size, received.size * RATIO + ALLOWANCE)
    if received.name.endswith(SUFFIX) and not identities.in_use():
        return  # its hash is the manifest's; what is inside, nobody here can tell
    with Decompressed(received.path) as stream:
        raw = SizeLimited(stream, limit, received.name, report)
        while raw.read(BLOCK):
            pass
    if raw.done < size:
        why = _(
            "it unpacks to %(size)s bytes, and its manifest says %(expected)s",
            size=Grouped(raw.done),
            expected=Grouped(size),
        )
        raise _refused(received.name, why)


def _record_of(
    context: Context, signed: Manifest, records: Mapping[str, Received]
) -> Record | None:
    """What its record says; of a stranger's only that it is kept."""
    received = records.get(names.record_name(signed.id))
    if received is None or received.size > _LARGEST_RECORD:
        return None
    found = record.load(received.path.read_bytes(), signed.id, context.signer)
    return None if found == Record() else found


# ----------------------------------------------------------------- without a manifest


def _without_manifest(context: Context, received: Received, report: Reporter) -> IncomingBackup:
    report(Progress(stage=f"checking {received.name}"))
    database, format_ = format_of(context, received.path)
    limit = received.size * RATIO + ALLOWANCE
    with Decompressed(received.path) as raw:
        limited = SizeLimited(raw, limit, received.name, report)
        found = database.inspect(limited, format_)
        while limited.read(BLOCK):
            pass
        suffix = raw.compression.suffix + (SUFFIX if raw.encrypted else "")
    if found:
        raise _refused(received.name, found)
    parsed = names.parse(received.name)
    if parsed and names.is_backup_id(parsed.id) and _must_be_past(received.name, parsed.id):
        return IncomingBackup(id=parsed.id, files={received.name: received})
    kind = "dump.tar" if "directory" in format_ else "dump"
    return IncomingBackup(id="", files={received.name: received}, kind=kind, suffix=suffix)


def _must_be_past(name: str, identifier: str) -> bool:
    """Whether its id tells a time. Raises ManifestError when no backup was made then."""
    made = names.told_by(identifier)
    if made and not names.EARLIEST <= made <= _tomorrow():
        raise _refused(
            name,
            _("no backup was made at the time that its name tells"),
            _("Rename it, then try again."),
        )
    return made is not None


def _tomorrow() -> datetime:
    return datetime.now(UTC) + timedelta(days=1)


def _refused(name: str, why: str, todo: str = "") -> ManifestError:
    return ManifestError(
        _("%(file)s was not taken over", file=name),
        why=why,
        todo=todo or _("Give another copy of it."),
    )
