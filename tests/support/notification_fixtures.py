"""Fixtures of those whom a site tells: a mail server, an HTTP server that listens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import listener as listeners
from tests.support import mailbox as mailboxes


@pytest.fixture
def listener() -> Iterator[listeners.Listener]:
    """An HTTP server that notes what it is asked."""
    with listeners.running_listener() as server:
        yield server


@pytest.fixture
def mailbox(settings: Any) -> Iterator[mailboxes.Mailbox]:
    """A mail server, which the site sends by."""
    with mailboxes.running_mailbox() as server:
        for name, value in server.settings().items():
            setattr(settings, name, value)
        yield server


@pytest.fixture
def notifying(folder: Path, settings: Any) -> None:
    """A site of short patience."""
    settings.TRUSTBACKUP = {"BACKUP_DIR": folder, "CONNECT_TIMEOUT": 2}
