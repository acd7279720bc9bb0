"""Which files of a folder a backup takes: patterns, and what is never taken."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import translate

PRIVATE = ".trustbackup-"
"""How names begin that a restore makes beside or in a folder; no backup takes them."""


@dataclass(frozen=True)
class Selection:
    """``include`` is of files, () for all; ``exclude`` wins, and holds for whole folders.

    A pattern without ``/`` is of a name at any depth, one with it of the whole path below the
    folder; ``*`` stands for any characters, ``?`` for one.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    _included: re.Pattern[str] | None = field(init=False, compare=False, repr=False)
    _excluded: re.Pattern[str] | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_included", _compiled(self.include))
        object.__setattr__(self, "_excluded", _compiled(self.exclude))

    def takes(self, path: str, *, is_folder: bool) -> bool:
        """Whether a backup takes what lies at this relative path."""
        if path.rpartition("/")[2].startswith(PRIVATE):
            return False
        if self._excluded is not None and self._excluded.fullmatch(path):
            return False
        return is_folder or self._included is None or bool(self._included.fullmatch(path))

    def takes_whole(self, path: str) -> bool:
        """Whether a backup takes this file, and each folder on its way: for who walks through none.

        ``path`` is relative, with ``/`` between names.
        """
        end = path.find("/")
        while end > 0:
            if not self.takes(path[:end], is_folder=True):
                return False
            end = path.find("/", end + 1)
        return self.takes(path, is_folder=False)


def _compiled(patterns: Sequence[str]) -> re.Pattern[str] | None:
    if not patterns:
        return None
    return re.compile("|".join(_expression(pattern.strip("/")) for pattern in patterns))


def _expression(pattern: str) -> str:
    anywhere = "" if "/" in pattern else r"(?s:(?:.*/)?)"
    return f"{anywhere}{translate(pattern)}"
