"""Where in a dump's text statements begin and end.

A comment, a function's body, a name may hold anything, also what looks like a head of pg_restore's
or like another statement. What a small role has written there is never run as one.
https://www.postgresql.org/docs/current/sql-syntax-lexical.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_OTHER_LETTER = rb"(?<![A-Za-z0-9_$\x80-\xff])"
_QUOTED = (
    rb"--[^\n]*"
    rb"|%(start)b[eE]'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'(?!')"
    rb"|'%(plain)b'"
    rb'|"[^"]*"'
    rb"|%(start)b\$(?P<tag>(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*)?)\$.*?\$(?P=tag)\$"
    rb"|(?P<open>%(start)b[eE]'|['\"]|%(start)b\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*)?\$)"
)
_STANDARD = re.compile(_QUOTED % {b"start": _OTHER_LETTER, b"plain": rb"[^']*"}, re.DOTALL)
_ESCAPING = re.compile(
    _QUOTED % {b"start": _OTHER_LETTER, b"plain": rb"[^'\\]*(?:\\.[^'\\]*)*"}, re.DOTALL
)
_IS_ESCAPING = re.compile(rb"^SET standard_conforming_strings = off;$", re.MULTILINE)
_PREAMBLE = 4096
"""Bytes in which a dump's own settings stand."""
_END = re.compile(rb";(?=\n|\Z)")
_OTHER_ROLE, _OWN_ROLE = b"SET SESSION AUTHORIZATION ", b"RESET SESSION AUTHORIZATION;"


def escapes(text: bytes) -> bool:
    """Whether a backslash in an ordinary text of this dump is an escape."""
    return _IS_ESCAPING.search(text, 0, _PREAMBLE) is not None


def is_complete(text: bytes, *, escaping: bool = False) -> bool:
    """Whether no text and no name that begins in ``text`` ends behind it."""
    if b"$" not in text and b"\\" not in text and b"--" not in text:
        # To read it byte by byte takes long, and most have quotes of one kind at most.
        texts, names = text.count(b"'"), text.count(b'"')
        if not texts or not names:
            return not (texts + names) % 2
    pattern = _ESCAPING if escaping else _STANDARD
    return not any(found["open"] for found in pattern.finditer(text))


def between_statements(
    pattern: re.Pattern[bytes], text: bytes, *, escaping: bool
) -> Iterator[re.Match[bytes]]:
    """Where ``pattern`` matches, but not within a text or a name."""
    end = 0
    for found in pattern.finditer(text):
        if is_complete(text[end : found.start()], escaping=escaping):
            yield found
            end = found.end()


def statements(text: bytes) -> Iterator[bytes]:
    """Each statement with its semicolon; those that another role runs stay together."""
    start, held = 0, b""
    for found in _END.finditer(text):
        if not is_complete(text[start : found.start()]):
            continue
        one = text[start : found.end()].strip()
        start = found.end()
        if held or one.startswith(_OTHER_ROLE):
            held = b"\n".join(part for part in (held, one) if part)
            if one != _OWN_ROLE:
                continue
            one, held = held, b""
        yield one
    if rest := b"\n".join(part for part in (held, text[start:].strip()) if part):
        yield rest
