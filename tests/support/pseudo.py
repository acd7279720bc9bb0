"""A language in which one sees what was translated: its letters are twice as wide.

What is left in plain letters is a value, or a text that never met the catalogue.
"""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from django.utils.translation import trans_real

_WIDTH = ord("\N{FULLWIDTH LATIN CAPITAL LETTER A}") - ord("A")
_WIDE = {ord(letter): ord(letter) + _WIDTH for letter in string.ascii_letters}
_KEPT = re.compile(r"(%\(\w+\)[a-z]|%[a-z%]|\{\w*\}|<[^>]*>|&\w+;)")


def wide(message: str) -> str:
    """The message as this language has it: its fields and tags stay."""
    parts = _KEPT.split(message)
    return "".join(
        part if number % 2 else part.translate(_WIDE) for number, part in enumerate(parts)
    )


def narrow(text: str) -> str:
    """What the page says, in plain letters again."""
    return text.translate({there: here for here, there in _WIDE.items()})


def left_over(text: str) -> set[str]:
    """The words in plain letters; ids, paths and versions are none, nor is what is quoted."""
    unquoted = re.sub(r"(?<!\w)'[^']*'(?!\w)", "", text)
    words = (re.sub(r"^\W+|\W+$", "", word) for word in unquoted.split())
    return {word for word in words if re.fullmatch(r"[A-Za-z][a-z']*[A-Za-z]", word)}


class _Pseudo:
    """In front of a real language: what is no message of ours is said in that."""

    def __init__(self, behind: Any, known: Collection[str]) -> None:
        self._behind, self._known = behind, frozenset(known)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)

    def gettext(self, message: str) -> str:
        if message in self._known:
            return wide(message.rpartition("\4")[2])
        return str(self._behind.gettext(message))

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        if singular in self._known:
            return wide((singular if number == 1 else plural).rpartition("\4")[2])
        return str(self._behind.ngettext(singular, plural, number))


@contextmanager
def instead_of(language: str, known: Collection[str]) -> Iterator[None]:
    """Say these messages widely wherever ``language`` is asked for; those with a context are
    "context\\4message"."""
    real = trans_real.translation(language)
    trans_real._translations[language] = _Pseudo(real, known)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        trans_real._translations[language] = real  # type: ignore[attr-defined]
