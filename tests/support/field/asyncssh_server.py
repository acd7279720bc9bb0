"""asyncssh's SFTP server over a folder: python -m … PORT HOST_KEY FOLDER USER PASSWORD."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import asyncssh


class Door(asyncssh.SSHServer):  # type: ignore[misc, unused-ignore]  # not everywhere
    """Takes a password by keyboard-interactive alone."""

    def __init__(self, user: str, password: str) -> None:
        self._known = (user, password)
        self._user = ""

    def begin_auth(self, username: str) -> bool:
        self._user = username
        return True

    def kbdint_auth_supported(self) -> bool:
        return True

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        return "", "", "", [("Password: ", False)]

    def validate_kbdint_response(self, username: str, responses: Any) -> bool:
        return (username, *responses) == self._known


async def serve(port: int, host_key: str, folder: str, user: str, password: str) -> None:
    await asyncssh.listen(
        "127.0.0.1",
        port,
        server_host_keys=[host_key],
        server_factory=lambda: Door(user, password),
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=folder.encode()),
        allow_scp=False,
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    _port, *_others = sys.argv[1:]
    asyncio.run(serve(int(_port), *_others))
