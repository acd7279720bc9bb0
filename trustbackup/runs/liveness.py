"""Whether a run lives: a lock that its holder's death frees; and what its carrier said last.

A process number says nothing once it may have been given to another process. The lock of a run
that is handed to a process of its own is taken before that process begins, and inherited by it,
so that a carrier which dies before its first word is told from one that is slow to begin.
"""

from __future__ import annotations

import contextlib
import enum
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from django.conf import settings as django_settings

from trustbackup.conf import Settings
from trustbackup.exceptions import FolderError
from trustbackup.store import journal, locks
from trustbackup.store.locks import Lock

_STALE = 3600.0
_LAST_WORDS = 2000
"""Characters of a carrier's output that are kept."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class LockState(enum.StrEnum):
    """What the lock of a run tells."""

    HELD = "held"
    FREE = "free"
    """Its holder has died."""
    UNKNOWN = "unknown"
    """There is no lock here, or it can't be looked at."""


def lock_of(root: Path, run: UUID) -> Lock:
    return locks.alive_lock(root, str(run))


def look_at(root: Path, run: UUID) -> LockState:
    """What the lock of a run tells, found out without making anything."""
    try:
        with locks.shared(Lock(lock_of(root, run).path)):
            marked = lock_of(root, run).path.stat().st_size > 0
            return LockState.FREE if marked else LockState.UNKNOWN
    except locks.Locked:
        return LockState.HELD
    except (FolderError, FileNotFoundError):
        return LockState.UNKNOWN


@contextlib.contextmanager
def alive(root: Path, run: UUID) -> Iterator[None]:
    """Show that this process carries the run, as well as the folder lets it."""
    with contextlib.ExitStack() as stack:
        if root.is_dir():
            # It may be held already: by us, who inherited it from the process that started us.
            with contextlib.suppress(FolderError, locks.Locked):
                journal.folder(root)
                stack.enter_context(locks.exclusive(lock_of(root, run)))
                locks.mark_held(lock_of(root, run))
        try:
            yield
        finally:
            forget(root, run)


@contextlib.contextmanager
def handing_over(root: Path, run: UUID) -> Iterator[tuple[int, int]]:
    """Descriptors for a carrier that is to be started: of the run's lock, and for its output.

    Both are closed here at the end; the lock lives on with the carrier. Raises FolderError.
    """
    journal.folder(root)
    with locks.inheritable(lock_of(root, run)) as lock, _output(root, run) as output:
        yield lock, output


@contextlib.contextmanager
def _output(root: Path, run: UUID) -> Iterator[int]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(_output_path(root, run), flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def last_words(settings: Settings, run: UUID) -> str:
    """The end of what the run's carrier has printed, without secrets; "" if it said nothing."""
    try:
        with _output_path(settings.backup_dir, run).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 4 * _LAST_WORDS))
            text = file.read(4 * _LAST_WORDS).decode(errors="replace")
    except OSError:
        return ""
    secrets = [str(one.get("PASSWORD") or "") for one in django_settings.DATABASES.values()]
    for secret in (*secrets, *settings.secret_keys):
        if secret:
            text = text.replace(secret, "***")
    return _CONTROL.sub("\ufffd", text)[-_LAST_WORDS:].strip()


def forget(root: Path, run: UUID) -> None:
    """Remove what told of a run that is over."""
    for path in (lock_of(root, run).path, _output_path(root, run)):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def sweep(root: Path, active: set[UUID]) -> None:
    """Remove what dead runs have left that no row knows any more."""
    if (root / locks.RESTORES).is_symlink():
        return  # it leads to others' files
    for path in root.glob(f"{locks.RESTORES}/run-*.lock"):
        with contextlib.suppress(ValueError):
            run = UUID(path.name.removeprefix("run-").partition(".")[0])
            if run not in active and _is_over(path, look_at(root, run)):
                forget(root, run)


def _is_over(path: Path, state: LockState) -> bool:
    """Whether its holder died; one who may not have it yet is given an hour."""
    if state is not LockState.UNKNOWN:
        return state is LockState.FREE
    with contextlib.suppress(OSError):
        return time.time() - path.lstat().st_mtime > _STALE
    return False


def _output_path(root: Path, run: UUID) -> Path:
    return lock_of(root, run).path.with_suffix(".out.lock")
