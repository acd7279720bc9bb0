"""The sentence on a disk that is too small."""

from __future__ import annotations

from pathlib import Path

from trustbackup.phrases import Grouped
from trustbackup.phrases import gettext as _


def no_room(folder: Path, free: int, needed: int) -> str:
    """The clause when a disk has too few bytes for a new database."""
    return _(
        "%(folder)s has %(free)s bytes free and %(needed)s are needed",
        folder=folder,
        free=Grouped(free),
        needed=Grouped(needed),
    )
