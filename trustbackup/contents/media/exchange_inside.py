"""The entries of a folder change places with those of another one that lies in it.

For a folder that can't be renamed itself: a file system of its own, as the volume of a container
is, or one whose parent the site's user may not write to. Each entry moves by a rename, so nothing
is copied; in between, for as long as the renames take, some are in their place and some are not.
Which way a swap that was cut off has to go is told by a name:

    live/NEW            the entries of old go out of the live folder, to live/PREVIOUS: go back
    live/NEW-arriving   all of them are out, those of the new folder come in: go on
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from trustbackup.contents.media.selection import PRIVATE
from trustbackup.contents.media.walk import SYSTEMS_OWN
from trustbackup.exceptions import file_operation
from trustbackup.phrases import gettext as _
from trustbackup.store.durable import sync_folder

_ARRIVING = "-arriving"


def arriving(new: Path) -> Path:
    """The name of a new folder whose entries are coming in."""
    return new.with_name(new.name + _ARRIVING)


def swap_in_entries(new: Path, live: Path, previous: Path) -> None:
    """Give ``live`` the entries of ``new``, and ``previous``, which is empty, those that it had.

    ``new`` and ``previous`` lie in ``live``; ``new`` is gone then. Raises FolderError, after which,
    as after a crash, ``recover_exchange`` tells which state is in place.
    """
    with file_operation(_("Swapping"), live):
        # What somebody uploads meanwhile is of the old state, too.
        while names := list(_entries(live)):
            for name in names:
                (live / name).rename(_free(previous, name))
        sync_folder(previous)
        new.rename(arriving(new))
        sync_folder(live)
        _bring_in(arriving(new), live, previous)


def recover_exchange(new: Path, live: Path, previous: Path) -> bool:
    """Finish or take back what was cut off: whether the entries of ``new`` are the live ones.

    What was taken back leaves ``new`` as it was. Raises FolderError.
    """
    with file_operation(_("Recovering"), live):
        if os.path.lexists(arriving(new)):
            _bring_in(arriving(new), live, previous)
            return True
        if not os.path.lexists(new):
            return os.path.lexists(previous)
        if os.path.lexists(previous):
            for name in os.listdir(previous):
                _make_room(live / name, previous)
                (previous / name).rename(live / name)
            sync_folder(live)
            with contextlib.suppress(OSError):  # unless something came meanwhile
                previous.rmdir()
        return False


def _bring_in(source: Path, live: Path, previous: Path) -> None:
    for name in os.listdir(source):
        _make_room(live / name, previous)
        (source / name).rename(live / name)
    sync_folder(live)
    source.rmdir()
    sync_folder(live)


def _make_room(target: Path, previous: Path) -> None:
    """What came to the place of an entry meanwhile is kept with the old state."""
    if os.path.lexists(target):
        previous.mkdir(mode=0o700, exist_ok=True)
        target.rename(_free(previous, target.name))


def _entries(live: Path) -> Iterator[str]:
    for name in os.listdir(live):
        if not name.startswith(PRIVATE) and name != SYSTEMS_OWN:
            yield name


def _free(folder: Path, name: str) -> Path:
    names = (name if number == 1 else f"{name}~{number}" for number in count(1))
    return next(folder / each for each in names if not os.path.lexists(folder / each))
