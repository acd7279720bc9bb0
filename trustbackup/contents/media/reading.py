"""How a file is read that somebody may write to meanwhile, and what it is."""

from __future__ import annotations

import os
import stat

from trustbackup.contents.media.index import Member, MemberKind

BLOCK = 1 << 20
"""Bytes that are read at a time."""
OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TRIES = 3


def read_whole(descriptor: int, small: int) -> tuple[bytes, os.stat_result, bool]:
    """All of a file that has about ``small`` bytes, its state before, and whether that held.

    One that is written to is read again, some times. Raises OSError.
    """
    is_as_it_was = False
    for _try in range(_TRIES):
        before = os.fstat(descriptor)
        data = _read_all(descriptor, 2 * small)
        if is_as_it_was := is_same(before, os.fstat(descriptor), len(data)):
            break
    return data, before, is_as_it_was


def _read_all(descriptor: int, most: int) -> bytes:
    """From its start; of one that grows for ever no more than about ``most`` bytes."""
    pieces, at = [], 0
    while at < most and (piece := os.pread(descriptor, BLOCK, at)):
        pieces.append(piece)
        at += len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def is_same(before: os.stat_result, after: os.stat_result, read: int) -> bool:
    """Whether nobody wrote to a file of which so many bytes were read."""
    return (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns) and (
        read == after.st_size
    )


def member_of(
    path: str,
    kind: MemberKind,
    status: os.stat_result,
    *,
    size: int = 0,
    sha256: str = "",
    target: str = "",
) -> Member:
    """What an index says of it."""
    return Member(
        path=path,
        kind=kind,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        mtime=status.st_mtime_ns,
        size=size,
        sha256=sha256,
        target=target,
    )
