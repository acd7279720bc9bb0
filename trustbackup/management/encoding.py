"""Standard output in whatever encoding the terminal, or cron, has."""

from __future__ import annotations

import codecs
import contextlib
import sys
from collections.abc import Iterator

_PLAIN = {"…": "...", "\u2013": "-", "\u2014": "-", "\u2019": "'", "\u202f": " "}


def _spell(error: UnicodeError) -> tuple[str, int]:
    """A codec's error handler: something readable instead of what it can't encode."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    spelled = (
        _PLAIN.get(sign) or sign.encode("ascii", "backslashreplace").decode() for sign in text
    )
    return "".join(spelled), error.end


codecs.register_error("trustbackup.spell", _spell)


@contextlib.contextmanager
def spelled_output() -> Iterator[None]:
    """Standard output spells what its encoding lacks, instead of ending the work."""
    stream = sys.stdout
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is None:
        yield
        return
    errors = stream.errors
    # What is no terminal, pipe or file any more, such as a closed one, can't be reconfigured.
    with contextlib.suppress(OSError, ValueError):
        reconfigure(errors="trustbackup.spell")
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            reconfigure(errors=errors)


def is_unicode(stream: object) -> bool:
    """Whether every sign can be written there; True where it has no encoding at all."""
    encoding = getattr(stream, "encoding", None)
    return not encoding or codecs.lookup(encoding).name.startswith("utf")
