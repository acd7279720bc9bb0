"""A backup's file, and what a hostile S3 server makes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from trustbackup.destinations.base import DestinationBackend, DestinationError, Step
from trustbackup.destinations.s3.backend import S3

NAME = "backup_2026-11-20_02-15-33.dump.gz"


CONTENT = b"a backup"


def put(destination: DestinationBackend, path: Path) -> None:
    destination.put(path, hashlib.sha256(path.read_bytes()).hexdigest())


def refusal(action: Callable[[], object]) -> DestinationError:
    with pytest.raises(DestinationError) as caught:
        action()
    return caught.value


def last(destination: S3) -> Step:
    *_, step = destination.check()
    return step
