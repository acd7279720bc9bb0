"""The connection test: one step after the other, each with its time, to the first that fails."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import humanize

from trustbackup.destinations.base import DestinationError, Space, Step
from trustbackup.destinations.guarded import translating_surprises
from trustbackup.exceptions import TrustbackupError
from trustbackup.phrases import gettext as _

Try = tuple[str, Callable[[], str | None]]
"""A step's name, and what it does; that may return a detail, and raises TrustbackupError."""

SAMPLE = b"trustbackup: a connection test wrote this, and removes it.\n" * 64


TEST_SECONDS = 45.0
"""All steps of a test together take no longer: a web server's worker waits for them."""


def run_steps(
    steps: Sequence[Try],
    clean_up: Callable[[], None] = lambda: None,
    abort: Callable[[], None] = lambda: None,
) -> Iterator[Step]:
    """Do the steps in turn; whatever happened, ``clean_up`` then removes what they left.

    When their time is over, ``abort`` cuts the connections: a server may answer for ever, a byte
    at a time.
    """
    over = threading.Event()

    def end() -> None:
        over.set()
        abort()

    timer = threading.Timer(TEST_SECONDS, end)
    timer.daemon = True
    timer.start()
    try:
        for name, action in steps:
            began = time.monotonic()
            try:
                with translating_surprises(_("The test did not pass")):
                    detail = action() or ""
            except TrustbackupError as error:
                offered = error.offered if isinstance(error, DestinationError) else None
                said = str(_too_slow()) if over.is_set() else str(error)
                seconds = time.monotonic() - began
                yield Step(name, ok=False, seconds=seconds, detail=said, offered=offered)
                return
            yield Step(name, ok=True, seconds=time.monotonic() - began, detail=detail)
    finally:
        timer.cancel()
        if not over.is_set():
            clean_up()


def _too_slow() -> DestinationError:
    return DestinationError(
        _("The test was ended"),
        why=_("it was not over within %(seconds)g seconds", seconds=TEST_SECONDS),
        todo=_("Check the server and the network: it answers, but never to the end."),
    )


def sample_name() -> str:
    """A hidden name that nobody else has: names.parse() takes it for no backup's."""
    return f".trustbackup-test-{secrets.token_hex(8)}"


def describe_space(space: Space) -> str:
    """For the last step: "12.3 GB free", or that the server doesn't tell."""
    if space.free is None:
        return _("The server does not tell.")
    return _("%(size)s free", size=humanize.naturalsize(space.free))
