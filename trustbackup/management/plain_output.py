"""Output without what a terminal would obey: names and notes in a backup are a stranger's.

Django's own colours pass, and no other sequence: a name could else hide a line, move the cursor,
or write into the window's title.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Callable
from typing import Any

from django.core.management.base import OutputWrapper
from django.core.management.color import Style

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_CONTROL_IN_JSON = re.compile(r"[\x7f-\x9f]")
_STYLES = ("SUCCESS", "WARNING", "ERROR", "NOTICE", "MIGRATE_HEADING", "MIGRATE_LABEL")


def plain(text: str) -> str:
    """One line of text from elsewhere without control characters."""
    return _CONTROL.sub("\ufffd", text)


def plain_json(text: str) -> str:
    """JSON that means the same, with the controls escaped that JSON itself leaves as they are."""
    return _CONTROL_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


class PlainOutput(OutputWrapper):
    """Django's wrapper of a stream, which lets no other controls through than ``style``'s.

    A stream that nobody reads any more, or that is full or closed, does not end the work.
    """

    def __init__(self, wrapped: OutputWrapper, style: Style) -> None:
        # Django's annotations know neither the stream inside nor the arguments of write().
        stream: Any = wrapped._out  # noqa: SLF001
        self.lost: OSError | ValueError | None = None
        """Why something was not written; None while all of it was."""
        nowhere: Any = _Nowhere()
        super().__init__(nowhere if stream is None else stream)
        self.style_func = wrapped.style_func
        colours = set()
        for name in _STYLES:
            before, _mark, after = getattr(style, name)("\0").partition("\0")
            colours |= {before, after}
        self._colours = re.compile("|".join(map(re.escape, sorted(colours - {""}))) or r"(?!)")

    def write(self, msg: str = "", style_func: Any = None, ending: str | None = None) -> Any:  # noqa: ANN401
        """As Django's own; see there."""
        written, last = [], 0
        for colour in self._colours.finditer(msg):
            written += [_CONTROL_IN_TEXT.sub("\ufffd", msg[last : colour.start()]), colour[0]]
            last = colour.end()
        written.append(_CONTROL_IN_TEXT.sub("\ufffd", msg[last:]))
        self._try(super().write, "".join(written), style_func, ending)

    def flush(self) -> None:
        self._try(super().flush)

    def _try(self, call: Callable[..., object], *arguments: object) -> None:
        try:
            call(*arguments)
        except UnicodeError:
            raise
        except (OSError, ValueError) as error:
            self.lost = self.lost or error
            stream: Any = self._out
            if stream in (sys.stdout, sys.stderr):
                _leave(stream.fileno())


class _Nowhere(io.TextIOBase):
    """What Python calls a stream that was closed before it began."""

    def write(self, text: str, /) -> int:
        return len(text)


def _leave(descriptor: int) -> None:
    """Let what Python still holds back for a stream go nowhere when it ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
