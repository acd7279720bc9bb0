"""An archive, read beside its index: a member that the index does not tell is refused.

Nothing is believed of the tar but the content: names, kinds, modes and times are the index's, which
has no way out of the folder (``index.py``). Each content is hashed on its way.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from typing import BinaryIO, Protocol, cast

from trustbackup.contents.media.index import Member, MemberKind, read_index
from trustbackup.exceptions import ManifestError
from trustbackup.phrases import gettext as _
from trustbackup.store.streams import Readable

BLOCK = 1 << 20
LARGEST_HEADER = 1 << 20
"""Bytes that tar may ask for at once: a header that says how long the next one is could ask for
all the memory there is."""
_TYPES = {
    MemberKind.FILE: (tarfile.REGTYPE, tarfile.AREGTYPE),
    MemberKind.FOLDER: (tarfile.DIRTYPE,),
    MemberKind.LINK: (tarfile.SYMTYPE,),
}


class Content(Protocol):
    """A file's content, block by block; to be read to its end before the next member."""

    def __iter__(self) -> Iterator[bytes]: ...


def unpack(raw: Readable, index: Readable) -> Iterator[tuple[Member, Content]]:
    """Each member with its content, which is empty but for files.

    What was not read of a content is passed over, and not compared. Raises ManifestError.
    """
    stream = _Forward(raw)
    try:
        with tarfile.TarFile(
            fileobj=cast("BinaryIO", stream), mode="r", encoding="utf-8", errors="surrogateescape"
        ) as tar:
            for member in read_index(index):
                info = tar.next()
                # It would keep all of them.
                tar.members = []  # type: ignore[attr-defined]
                _must_be(member, info)
                content = _FileContent(stream, member)
                yield member, content
            if (more := tar.next()) is not None:
                raise _refused(_("it has %(path)r besides", path=more.name))
    except (tarfile.TarError, ValueError, OverflowError) as error:
        raise _refused(str(error)) from error


def _must_be(member: Member, info: tarfile.TarInfo | None) -> None:
    if info is None:
        raise _refused(_("it has no %(path)r", path=member.path))
    if info.name != member.path or info.type not in _TYPES[member.kind] or info.sparse:
        raise _refused(
            _("it has %(other)r in the place of %(path)r", other=info.name, path=member.path)
        )
    if info.linkname != member.target or info.size < member.size:
        raise _refused(_("%(path)r is another one in it", path=member.path))


class _FileContent:
    def __init__(self, stream: _Forward, member: Member) -> None:
        self._stream, self._member = stream, member

    def __iter__(self) -> Iterator[bytes]:
        left, digest = self._member.size, hashlib.sha256()
        while left:
            block = self._stream.read(min(BLOCK, left))
            if not block:
                raise _refused(_("it ends within %(path)r", path=self._member.path))
            digest.update(block)
            left -= len(block)
            yield block
        if self._member.kind is MemberKind.FILE and digest.hexdigest() != self._member.sha256:
            raise _refused(
                _("the content of %(path)r is not the one of its hash", path=self._member.path)
            )


class _Forward:
    """A stream as ``tarfile`` wants it: it tells where it is, and goes forward only."""

    def __init__(self, raw: Readable) -> None:
        self._raw, self._at = raw, 0

    def tell(self) -> int:
        return self._at

    def read(self, size: int) -> bytes:
        """All of ``size`` bytes, fewer at the end only. Raises ManifestError for too many."""
        if not 0 <= size <= max(LARGEST_HEADER, BLOCK):
            raise _refused(_("a header in it has %(size)d bytes", size=size))
        pieces = []
        while size and (piece := self._raw.read(size)):
            pieces.append(piece)
            size -= len(piece)
            self._at += len(piece)
        return b"".join(pieces)

    def seek(self, to: int) -> None:
        while self._at < to and self.read(min(BLOCK, to - self._at)):
            pass
        if self._at != to:
            raise _refused(_("it ends too early"))


def _refused(why: str) -> ManifestError:
    return ManifestError(
        _("The archive of files is not unpacked"),
        why=why,
        todo=_("Use another copy of this backup."),
    )
