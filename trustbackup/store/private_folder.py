"""A folder that is one process's own as long as it lives: a draft's, or an upload's."""

from __future__ import annotations

import contextlib
from pathlib import Path

from trustbackup.exceptions import file_operation
from trustbackup.phrases import gettext as _
from trustbackup.store import locks


def make_private(folder: Path) -> contextlib.ExitStack | None:
    """Make a folder (0700) and hold its lock; None when it is there or was swept meanwhile."""
    with file_operation(_("Making a private folder"), folder):
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            return None
    return hold(folder)


def hold(folder: Path) -> contextlib.ExitStack | None:
    """Hold a draft's lock; None when somebody else does, or removed the folder meanwhile."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locks.exclusive(locks.draft_lock(folder), wait=0))
        except (locks.Locked, locks.Vanished):
            return None
        return stack.pop_all()
