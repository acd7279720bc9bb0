"""The connection test: one step after the other, each with its time, to the first that fails."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence

import humanize

from trustbackup.destinations.base import Space, Step
from trustbackup.exceptions import TrustbackupError
from trustbackup.phrases import gettext as _

Try = tuple[str, Callable[[], str | None]]
"""A step's name, and what it does; that may return a detail, and raises TrustbackupError."""

SAMPLE = b"trustbackup: a connection test wrote this, and removes it.\n" * 64


def run_steps(steps: Sequence[Try], clean_up: Callable[[], None] = lambda: None) -> Iterator[Step]:
    """Do the steps in turn; whatever happened, ``clean_up`` then removes what they left."""
    try:
        for name, action in steps:
            began = time.monotonic()
            try:
                detail = action() or ""
            except TrustbackupError as error:
                yield Step(name, ok=False, seconds=time.monotonic() - began, detail=str(error))
                return
            yield Step(name, ok=True, seconds=time.monotonic() - began, detail=detail)
    finally:
        clean_up()


def sample_name() -> str:
    """A hidden name that nobody else has: names.parse() takes it for no backup's."""
    return f".trustbackup-test-{secrets.token_hex(8)}"


def describe_space(space: Space) -> str:
    """For the last step: "12.3 GB free", or that the server doesn't tell."""
    if space.free is None:
        return _("The server does not tell.")
    return _("%(size)s free", size=humanize.naturalsize(space.free))
