"""One run at a time works on a database: a lock that its holder's death frees."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.db import connections

from trustbackup.exceptions import Busy
from trustbackup.operations.context import Context
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.phrases import gettext as _
from trustbackup.store import journal, locks
from trustbackup.store.journal_entry import folder_alias, is_folder

MEDIA_LOCK = folder_alias("media")
"""The alias by which a run holds all folders of uploaded files."""
_PAUSE = 0.2


@contextlib.contextmanager
def only_run(
    aliases: Sequence[str], report: Reporter = quiet, *, wait: bool = True
) -> Iterator[None]:
    """Hold the databases of these aliases; ``report`` may raise Cancelled while it waits.

    What is no alias is left for others to refuse.

    Without ``wait`` it raises Busy when another run has one of them. Raises FolderError.
    """
    root = Context.current().settings.backup_dir
    journal.folder(root)
    with contextlib.ExitStack() as stack:
        # In the same order everywhere, so that no two runs wait for each other.
        for alias in sorted(a for a in set(aliases) if a in connections or is_folder(a)):
            while not _taken(stack, root, alias):
                if not wait:
                    raise Busy(
                        _("Folder %(alias)r is not free", alias=alias)
                        if is_folder(alias)
                        else _("Database %(alias)r is not free", alias=alias),
                        why=_("another run works on it"),
                        todo=_("Wait until that one is done."),
                    )
                report(Progress(stage=f"waiting for another run on {alias}"))
                time.sleep(_PAUSE)
        yield


def _taken(stack: contextlib.ExitStack, root: Path, alias: str) -> bool:
    with contextlib.ExitStack() as attempt:
        try:
            attempt.enter_context(locks.exclusive(locks.run_lock(root, alias)))
        except locks.Locked:
            return False
        stack.enter_context(attempt.pop_all())
    return True
