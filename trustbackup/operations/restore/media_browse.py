"""Look into the uploaded files of a backup: which there are, and the content of some."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import islice

from trustbackup.contents.media.assemble import read_contents
from trustbackup.contents.media.browse import ListedPage, list_folder, members_below, search
from trustbackup.contents.media.index import Member, MemberKind
from trustbackup.contents.media.unpack import Content, unpack
from trustbackup.contents.media.walk import readable
from trustbackup.contents.media.zipped import zipped
from trustbackup.exceptions import BackupNotFound, RestoreError, UsageError
from trustbackup.operations.backup.media import archives
from trustbackup.operations.checks import check_file
from trustbackup.operations.progress import quiet
from trustbackup.operations.restore.objections import judge_signature
from trustbackup.operations.restore.source import raw_opener
from trustbackup.operations.transfer.bundle import Bundle, Sent
from trustbackup.phrases import gettext as _
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.manifest import Part
from trustbackup.store.objects import FORMAT, ObjectStore
from trustbackup.store.streams import Decompressed, Readable


@dataclass(frozen=True, kw_only=True)
class FilesPart:
    """A folder of uploaded files in a backup, that can be looked into."""

    entry: BackupFiles
    part: Part
    listing: Part
    names: tuple[str, ...]
    """Of all such parts of the backup."""


def find_files_part(entry: BackupFiles, name: str = "") -> FilesPart:
    """The part called so, or the first. What nobody vouches for is not read.

    Raises BackupNotFound where there is none, UsageError, RestoreError when it can't be looked
    into, ManifestError, FolderError.
    """
    what = _("The files of backup %(id)s can't be shown", id=entry.id)
    if not entry.has_manifest:
        raise BackupNotFound(what, why=_("it holds no uploaded files"))
    manifest, signature = entry.read_manifest()
    found = {part.part: (part, listing) for part, listing in archives(manifest)}
    if not found:
        raise BackupNotFound(what, why=_("it holds no uploaded files"))
    if refusals := judge_signature(signature, trusted=False).refusals:
        raise RestoreError(what, why=refusals[0])
    name = name or next(iter(found))
    if name not in found:
        raise BackupNotFound(
            _("Backup %(id)s has no part %(part)r", id=entry.id, part=name[:100]),
            todo=_("Choose one of %(known)s.", known=", ".join(found)),
        )
    if (offloaded := entry.offloaded()) is not None:
        raise UsageError(
            what,
            why=_("its data is at %(where)s only", where=offloaded.where),
            todo=_("Bring it back first, then try again."),
        )
    part, listing = found[name]
    if problem := check_file(entry, listing):
        raise RestoreError(what, why=problem, todo=_("Use another backup."))
    return FilesPart(entry=entry, part=part, listing=listing, names=tuple(found))


def look_into(
    where: FilesPart, folder: str, text: str = "", *, first: int = 0, most: int
) -> ListedPage:
    """A page of what is in a folder, or of what below it has ``text`` in its path.

    Raises BackupNotFound where the backup has no such folder, ManifestError, FolderError.
    """
    with where.entry.in_use(), _list_of(where) as raw:
        if text:
            found = search(raw, folder, text, first, most)
        else:
            found = list_folder(raw, folder, first, most)
    if not found.is_there:
        raise _nothing_at(where, folder)
    return found


def download_files(where: FilesPart, path: str) -> Bundle:
    """A file as it is, or a folder ("" is all of it) as a zip, in which links stay links.

    The beginning has been read when this returns, so that most of what is damaged is an error and
    no download that breaks off. Raises BackupNotFound, UsageError, ManifestError, FolderError,
    Busy.
    """
    stack = ExitStack()
    with stack:
        stack.enter_context(where.entry.in_use())
        members = stack.enter_context(_contents(where, path))
        first = next(members, None)
        if first is None and path:
            raise _nothing_at(where, path)
        name = readable(path.rpartition("/")[2]) if path else where.part.part
        if first is not None and first[0].kind is MemberKind.LINK and first[0].path == path:
            raise UsageError(
                _("%(path)s can't be downloaded", path=readable(path)),
                why=_("it is a link, and leads to %(target)s", target=readable(first[0].target)),
            )
        if first is not None and first[0].kind is MemberKind.FILE and first[0].path == path:
            blocks = _begun(iter(first[1]))
            size = first[0].size
            sent = Sent(blocks, stack.pop_all())
            return Bundle(name, "application/octet-stream", size, sent)
        everything = _chain(first, members) if first is not None else members
        blocks = _begun(zipped(everything, len(path) + 1 if path else 0))
        sent = Sent(blocks, stack.pop_all())
        return Bundle(f"{name}.zip", "application/zip", None, sent)


@contextmanager
def _list_of(where: FilesPart) -> Iterator[Readable]:
    listing = where.listing
    with raw_opener(where.entry, listing.file, listing, f"reading {listing.file}", quiet)() as raw:
        yield raw


@contextmanager
def _contents(where: FilesPart, path: str) -> Iterator[Iterator[tuple[Member, Content]]]:
    """What is at a path and below it, with contents: each compared with its hash as it is read.

    Of objects only those are opened that are needed; an archive is read from its start.
    """
    with ExitStack() as stack:
        index = stack.enter_context(_list_of(where))
        if where.part.format == FORMAT:
            store = ObjectStore(where.entry.root)
            stack.enter_context(store.reading())
            members = read_contents(store, members_below(index, path))
            yield stack.enter_context(closing(members))
            return
        # Its hash need not be known: names come from the list, contents have hashes there.
        tar = stack.enter_context(Decompressed(where.entry.root / where.part.file))
        yield stack.enter_context(closing(_only(unpack(tar, index), path)))


def _only(
    members: Iterator[tuple[Member, Content]], path: str
) -> Generator[tuple[Member, Content]]:
    """Up to the last one: they stand together."""
    was_there = False
    for member, content in members:
        if not path or member.path == path or member.path.startswith(f"{path}/"):
            was_there = True
            yield member, content
        elif was_there:
            return


def _chain(
    first: tuple[Member, Content], others: Iterator[tuple[Member, Content]]
) -> Iterator[tuple[Member, Content]]:
    yield first
    yield from others


def _begun(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Read the first two now: of what has no more, all is known to be right."""
    held = list(islice(blocks, 2))
    return _go_on(held, blocks)


def _go_on(held: list[bytes], blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield from held
    held.clear()
    yield from blocks


def _nothing_at(where: FilesPart, path: str) -> BackupNotFound:
    return BackupNotFound(
        _("Backup %(id)s has nothing at %(path)s", id=where.entry.id, path=readable(path)[:200])
    )
