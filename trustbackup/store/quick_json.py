"""JSON read and written in C, as soon as that is worth loading the library for it.

Loading msgspec takes as long as it saves on some hundred manifests: a command that reads one or
two goes without. Python's own json is what defines the bytes; who calls this compares.
"""

from __future__ import annotations

import itertools
from types import ModuleType

_MANY = 100
_asked = itertools.count(1)
_loaded: list[ModuleType] = []


def library() -> ModuleType | None:
    """msgspec's JSON, for one more document; None while there were few."""
    if not _loaded and next(_asked) > _MANY:
        import msgspec

        _loaded.append(msgspec.json)
    return loaded()


def loaded() -> ModuleType | None:
    """The same, without counting."""
    return _loaded[0] if _loaded else None
