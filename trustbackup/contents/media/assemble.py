"""Files whose contents lie in objects: read by their index, each content compared with its hash."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Generator, Iterable, Iterator

from trustbackup.contents.media.index import Member, read_index
from trustbackup.contents.media.reading import BLOCK
from trustbackup.contents.media.unpack import Content
from trustbackup.contents.media.walk import readable
from trustbackup.exceptions import FolderError, ManifestError
from trustbackup.phrases import gettext as _
from trustbackup.store.objects import ObjectStore
from trustbackup.store.streams import Readable

_AT_HAND = 8
"""Objects that are kept open: files that changed lie in other packs than their neighbours."""


def assemble(store: ObjectStore, index: Readable) -> Iterator[tuple[Member, Content]]:
    """Each member with its content, which is empty but for files.

    Raises ManifestError, FolderError; a content does so while it is read.
    """
    return read_contents(store, read_index(index))


def read_contents(
    store: ObjectStore, members: Iterable[Member]
) -> Generator[tuple[Member, Content]]:
    """The same of these members alone. Closing it closes the objects."""
    opened = _Opened(store)
    try:
        for member in members:
            if bool(member.size) is not bool(member.object):
                raise _refused(member, _("the list does not say where it lies"))
            yield member, _StoredContent(opened, member)
    finally:
        opened.close()


class _Opened:
    """The objects that were read last."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._descriptors: OrderedDict[str, int] = OrderedDict()

    def get(self, sha256: str) -> int:
        if sha256 not in self._descriptors:
            if len(self._descriptors) >= _AT_HAND:
                os.close(self._descriptors.popitem(last=False)[1])
            self._descriptors[sha256] = self._store.open(sha256)
        self._descriptors.move_to_end(sha256)
        return self._descriptors[sha256]

    def close(self) -> None:
        while self._descriptors:
            os.close(self._descriptors.popitem()[1])


class _StoredContent:
    def __init__(self, opened: _Opened, member: Member) -> None:
        self._opened, self._member = opened, member

    def __iter__(self) -> Iterator[bytes]:
        member = self._member
        if not member.size:
            return
        try:
            descriptor = self._opened.get(member.object)
        except FolderError as error:
            raise _refused(member, str(error)) from error
        if member.offset + member.size > os.fstat(descriptor).st_size:
            raise _refused(member, _("the object that it lies in ends before it does"))
        at, end, digest = member.offset, member.offset + member.size, hashlib.sha256()
        while at < end:
            try:
                block = os.pread(descriptor, min(BLOCK, end - at), at)
            except OSError as error:
                raise _refused(member, os.strerror(error.errno or 0)) from error
            if not block:
                raise _refused(member, _("the object that it lies in ends before it does"))
            digest.update(block)
            at += len(block)
            yield block
        if digest.hexdigest() != member.sha256:
            raise _refused(member, _("its content in the objects is not the one of its hash"))


def _refused(member: Member, why: str) -> ManifestError:
    return ManifestError(
        _("%(path)r can't be read from the objects", path=readable(member.path)),
        why=why,
        todo=_("Use another backup, or another copy of this one."),
    )
