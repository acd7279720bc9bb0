"""English sentences that can be said in another language later.

The terminal, logs and files on the disk speak English. A page speaks its reader's language,
often about something that failed hours ago in a process without a reader. So an error is
made with ``gettext`` of this module: an ordinary English ``str`` that still knows its message
and its values. A page translates it when it shows it (``views/labels.py``); a row keeps it
by ``dumps`` and ``loads``. Pure: Django is not needed to fail.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Self

MARK = "\N{INFORMATION SEPARATOR ONE}"
"""Begins a text that ``dumps`` wrote; no sentence of a person or a server begins with it."""


class Grouped(int):
    """A number that is written with its thousands apart; its place is a ``%(name)s``."""

    def __str__(self) -> str:
        return f"{int(self):,}"


Value = str | int | float


class Phrase(str):  # noqa: SLOT000  # it has attributes
    """An English text, and what it was made of.

    ``plural`` and ``number`` are set where the number decides the form. Values are numbers,
    texts, or phrases, which are translated with it.
    """

    message: str
    values: Mapping[str, Value]
    plural: str
    number: int

    def __new__(
        cls,
        message: str,
        values: Mapping[str, object] | None = None,
        plural: str = "",
        number: int = 1,
    ) -> Self:
        plain = {name: _plain(value) for name, value in (values or {}).items()}
        form = plural if plural and number != 1 else message
        self = super().__new__(cls, form % plain if plain else form)
        self.message, self.values, self.plural, self.number = message, plain, plural, number
        return self

    def __str__(self) -> Self:
        """Itself, so that ``str()`` of an error loses nothing."""
        return self


def gettext(message: str, /, **values: object) -> Phrase:
    """``message`` with its ``%(name)s`` filled in; ``makemessages`` finds it by this name."""
    return Phrase(message, values)


def ngettext(singular: str, plural: str, number: int, /, **values: object) -> Phrase:
    """One of two messages; both may say ``%(number)d``."""
    return Phrase(singular, {"number": number, **values}, plural, number)


def ago(age: timedelta) -> Phrase:
    """How long since, in the largest whole unit: "just now", "3 hours ago".

    A month is 30 days here, a year 365.
    """
    minutes = age // timedelta(minutes=1)
    hours, days = minutes // 60, minutes // (24 * 60)
    if minutes < 1:
        return gettext("just now")
    # Whole phrases: in many languages "3 days" and "3 days ago" decline the word differently.
    if hours < 1:
        return ngettext("%(number)d minute ago", "%(number)d minutes ago", minutes)
    if days < 1:
        return ngettext("%(number)d hour ago", "%(number)d hours ago", hours)
    if days < 7:
        return ngettext("%(number)d day ago", "%(number)d days ago", days)
    if days < 30:
        return ngettext("%(number)d week ago", "%(number)d weeks ago", days // 7)
    if days < 365:
        months = min(days // 30, 11)
        return ngettext("%(number)d month ago", "%(number)d months ago", months)
    return ngettext("%(number)d year ago", "%(number)d years ago", days // 365)


def joined(texts: Iterable[str], by: str = " ") -> Phrase:
    """Several in a row, each of which may be a phrase."""
    parts = {f"part{index}": text for index, text in enumerate(texts)}
    return Phrase(by.replace("%", "%%").join(f"%({name})s" for name in parts), parts)


def one_line(text: str) -> str:
    """What a program or a server said, without its line breaks; a phrase has none."""
    return text if isinstance(text, Phrase) else " ".join(text.split())


def dumps(text: str) -> str:
    """What a row keeps: a phrase with all that it is made of, anything else as it is.

    Nothing is nothing: several of no phrases in a row make none.
    """
    if isinstance(text, Phrase) and text:
        return MARK + json.dumps(_packed(text), ensure_ascii=False)
    return text.lstrip(MARK)


def loads(text: str) -> str:
    """The phrase or the text again that ``dumps`` was given."""
    if not text.startswith(MARK):
        return text
    try:
        return str(_unpacked(json.loads(text[1:])))
    except (AttributeError, KeyError, TypeError, ValueError):
        return text[1:]


def _plain(value: object) -> Value:
    return value if isinstance(value, (str, int, float)) else str(value)


def _packed(value: Value) -> object:
    if isinstance(value, Grouped):
        return {"grouped": int(value)}
    if not isinstance(value, Phrase):
        return value
    values = {name: _packed(inner) for name, inner in value.values.items()}
    return [value.message, values, value.plural, value.number]


def _unpacked(value: object) -> Value:
    if isinstance(value, dict):
        return Grouped(value["grouped"])
    if not isinstance(value, list):
        return _plain(value)
    message, values, plural, number = value
    inner = {name: _unpacked(one) for name, one in values.items()}
    return Phrase(message, inner, plural, number)
