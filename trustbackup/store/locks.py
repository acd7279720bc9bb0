"""Every lock there is, and how it is held.

All of them are flock(2): a lock belongs to an open file, so its holder's death frees it, and a
process number says nothing. ``docs/internals/locks.md`` says for each who holds it, in which
order, and what its holder's death means.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trustbackup.exceptions import Busy, FolderError, file_operation
from trustbackup.phrases import gettext as _
from trustbackup.store.scheduling import has_green_threads

RESTORES = ".restores"
DRAFTS = ".drafts"
DELETED = ".deleted"
AT_ONCE = 0.25
"""Seconds. ``is_locked`` takes a lock for an instant, which must not refuse it to others; on a busy
machine whoever looks may have to wait for a processor in that instant."""
FOREVER = math.inf
_POLL_SECONDS = 0.01
_EXISTING = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_MADE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Locked(Busy):
    """Another process holds the lock."""


class Vanished(FolderError):
    """What the lock is of is not there any more."""


@dataclass(frozen=True)
class Lock:
    """What is locked: a file or a folder, or a file that is there for nothing else."""

    path: Path
    made: bool = False
    """Whether the file is made when it is not there."""


def root_lock(root: Path) -> Lock:
    """While a run is looked for and queued: two clicks make one."""
    return Lock(root)


def records_lock(root: Path) -> Lock:
    """While a record is read, changed and replaced."""
    return Lock(root / DRAFTS)


def draft_lock(folder: Path) -> Lock:
    """Of a backup that is being written, or of what is coming from elsewhere."""
    return Lock(folder)


def backup_lock(path: Path) -> Lock:
    """Of a backup, by its manifest (a dump without one: by its first data file).

    Who reads or writes it shares the lock; who removes of it has it alone.
    """
    return Lock(path)


def bundles_lock(root: Path) -> Lock:
    """Of all backups together: who sends very many of them shares it."""
    return Lock(root / DELETED)


def objects_lock(folder: Path) -> Lock:
    """Of all objects together: who names some in a backup shares it until its manifest is there."""
    return Lock(folder)


def objects_lock_at(root: Path, name: str) -> Lock:
    """Of the objects at a destination: who copies there shares it, who removes some is alone."""
    return Lock(root / RESTORES / f"{_safe(name)[:150]}.objects.lock", made=True)


def restore_lock(root: Path, alias: str) -> Lock:
    """One restore of a database at a time."""
    return Lock(root / RESTORES / f"{_safe(alias)}.lock", made=True)


def run_lock(root: Path, alias: str) -> Lock:
    """One run works on a database at a time."""
    return Lock(root / RESTORES / f"{_safe(alias)}.run.lock", made=True)


def prune_lock(root: Path) -> Lock:
    """One prune at a time: each lets a share of the backups go, two would let go of twice that."""
    return Lock(root / RESTORES / "prune.lock", made=True)


def writer_lock(root: Path, identifier: str) -> Lock:
    """Held by the writer of a journal's entry as long as it lives."""
    return Lock(root / RESTORES / f"{identifier}.alive", made=True)


def alive_lock(root: Path, run: str) -> Lock:
    """Held by the process that carries a run as long as it lives."""
    return Lock(root / RESTORES / f"run-{run}.lock", made=True)


def _safe(alias: str) -> str:
    return "".join(c if c.isalnum() else f"_{ord(c):x}_" for c in alias)


@contextlib.contextmanager
def shared(lock: Lock, *, wait: float = 0.0) -> Iterator[None]:
    """Hold a lock beside others who share it. Raises Locked, Vanished, FolderError."""
    with _held(lock, fcntl.LOCK_SH, wait):
        yield


@contextlib.contextmanager
def exclusive(lock: Lock, *, wait: float = AT_ONCE) -> Iterator[None]:
    """Hold a lock alone, after at most ``wait`` seconds. Raises as ``shared`` does."""
    with _held(lock, fcntl.LOCK_EX, wait):
        yield


@contextlib.contextmanager
def inheritable(lock: Lock) -> Iterator[int]:
    """Hold a lock alone; yields its descriptor, which a child may keep. Raises as ``shared``.

    The lock is free when all who have the descriptor are gone.
    """
    descriptor = _open(lock)
    try:
        _take(descriptor, lock, fcntl.LOCK_EX, time.monotonic() + AT_ONCE)
        mark_held(lock)
        yield descriptor
    finally:
        os.close(descriptor)


def mark_held(lock: Lock) -> None:
    """Note in a lock's own file that somebody has it: until then that it is free says nothing.

    A file is made before it is locked, and who looks in between would find it free.
    """
    with file_operation(_("Writing"), lock.path):
        descriptor = os.open(lock.path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.write(descriptor, b"held\n")
        finally:
            os.close(descriptor)


def is_locked(lock: Lock) -> bool:
    """Whether a living process holds it alone, found out without making anything."""
    try:
        with shared(Lock(lock.path)):
            return False
    except Locked:
        return True
    except FolderError:
        return False


@contextlib.contextmanager
def _held(lock: Lock, mode: int, wait: float) -> Iterator[None]:
    until = time.monotonic() + wait
    while True:
        descriptor = _open(lock)
        try:
            _take(descriptor, lock, mode, until)
            # Its last holder may have removed or renamed the file before it let go of it.
            if _names(lock.path, descriptor):
                yield
                return
        finally:
            _release(descriptor)


def _open(lock: Lock) -> int:
    try:
        with file_operation(_("Opening the lock"), lock.path):
            descriptor = os.open(lock.path, _MADE if lock.made else _EXISTING, 0o600)
    except FolderError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise Vanished(error.what, why=error.why, todo=error.todo) from error
        raise
    kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
    if kind not in (stat.S_IFREG, stat.S_IFDIR):
        os.close(descriptor)
        raise FolderError(
            _("%(path)s can't be locked", path=lock.path),
            why=_("it is neither a regular file nor a folder"),
            todo=_("Move it away, then try again."),
        )
    return descriptor


def _take(descriptor: int, lock: Lock, mode: int, until: float) -> None:
    # Blocked in the system, a green thread stops the one that is to let go of the lock, too.
    if until == FOREVER and not has_green_threads():
        with file_operation(_("Locking"), lock.path):
            fcntl.flock(descriptor, mode)
        return
    while True:
        try:
            with file_operation(_("Locking"), lock.path):
                fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
        except FolderError as error:
            if not isinstance(error.__cause__, BlockingIOError):
                raise
            if time.monotonic() >= until:
                raise Locked from None
            time.sleep(_POLL_SECONDS)
        else:
            return


def _release(descriptor: int) -> None:
    try:
        # gevent's close() of a folder happens later: when the next greenlet has its turn.
        with contextlib.suppress(OSError):  # of a file system without locks it was said before
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _names(path: Path, descriptor: int) -> bool:
    """Whether the path still leads to what was opened."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False
