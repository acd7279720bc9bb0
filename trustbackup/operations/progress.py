"""How far an operation is, and who is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run is. ``done`` and ``total`` are bytes; ``total`` 0 is not known."""

    stage: str
    done: int = 0
    total: int = 0


Reporter = Callable[[Progress], None]
"""Gets every step of progress; may raise Cancelled to stop the run."""


def quiet(_progress: Progress) -> None:
    """A reporter for those who do not watch."""
