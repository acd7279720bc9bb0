"""Many short requests to a server at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

_AT_A_TIME = 8
"""Requests; boto3's client keeps ten connections."""
_AHEAD = 256
"""Items that are begun before the first of them is asked for again."""
Item = TypeVar("Item")
Answer = TypeVar("Answer")


def in_parallel(
    ask: Callable[[Item], Answer], items: Iterable[Item]
) -> Iterator[tuple[Item, Answer]]:
    """Each item with its answer, in order. Raises what ``ask`` raises; then no more are begun."""
    rest = iter(items)
    pool = ThreadPoolExecutor(_AT_A_TIME, "trustbackup-requests")
    try:
        while batch := list(islice(rest, _AHEAD)):
            yield from zip(batch, pool.map(ask, batch), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)
