"""Files that go to S3, and what comes back."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from trustbackup.destinations.base import DestinationError
from trustbackup.destinations.s3.backend import S3
from trustbackup.destinations.s3.parts import SMALLEST

NAME = "backup_2026-11-20_02-15-33.dump.gz"


KEY = f"copies/shop/{NAME}"


LARGE = SMALLEST + (1 << 20)
"""Bytes: one that goes in two parts."""


class File:
    """A backup's file of random bytes."""

    def __init__(self, folder: Path, size: int, name: str = NAME) -> None:
        self.path = folder / name
        self.content = os.urandom(size)
        self.path.write_bytes(self.content)
        self.sha256 = hashlib.sha256(self.content).hexdigest()

    def put_to(self, destination: S3) -> None:
        destination.put(self.path, self.sha256)


def read(destination: S3, name: str = NAME) -> bytes:
    pieces = []
    with destination.open(name) as stream:
        while piece := stream.read(1 << 20):
            pieces.append(piece)
    return b"".join(pieces)


def refusal(action: Callable[[], object]) -> DestinationError:
    with pytest.raises(DestinationError) as caught:
        action()
    return caught.value
