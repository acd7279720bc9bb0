"""When a message that did not arrive is tried again."""

from __future__ import annotations

from datetime import timedelta

PAUSES = tuple(
    timedelta(seconds=seconds) for seconds in (5, 60, 300, 1800, 7200, 18_000, 36_000, 50_400)
)
"""After the first try, the second and so on: 28 hours in all, about as standard-webhooks says.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"""


def pause_after(tries: int, *, jitter: float = 0.0) -> timedelta | None:
    """How long to wait after so many tries; None when it is to be given up.

    ``jitter``, from 0 to 1, makes it up to a tenth longer, so that many sites do not come at once.
    """
    if not 1 <= tries <= len(PAUSES):
        return None
    return PAUSES[tries - 1] * (1 + 0.1 * jitter)
