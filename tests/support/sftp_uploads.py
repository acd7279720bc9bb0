"""Uploads to an SFTP server, and what stops them once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.support.sshd import Server

NewServer = Callable[..., Server]


BIG = 12_000_000


OTHER = "backup_2025-01-01_00-00-00.dump.gz"


class Once:
    """A ``written`` callback that does something once, when so many bytes have arrived."""

    def __init__(self, action: Callable[[], object], after: int = 1) -> None:
        self.action = action
        self.after = after
        self.seen: list[int] = []

    def __call__(self, done: int) -> None:
        before = self.seen[-1] if self.seen else 0
        self.seen.append(done)
        if before < self.after <= done:
            self.action()


def upload(server: Server) -> Path:
    """The one unfinished file at the server."""
    (found,) = (server.home / "copies" / ".uploads").iterdir()
    return found
