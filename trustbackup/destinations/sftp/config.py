"""What an SFTP destination is told."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class SftpConfig:
    """A server, who signs in there, and the folder for the copies."""

    host: str
    user: str
    port: int = 22
    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    """The key's text; it goes before the password, which is then not used."""
    passphrase: str = field(default="", repr=False)
    folder: str = ""
    """Absolute, or relative to the folder that a session begins in; "" is that folder."""
    host_key: str = ""
    """The server's pinned public key, "type base64"; without it nobody is signed in."""
    timeout: float = 30
    """Seconds: for connecting and signing in together, and for each silence afterwards."""
    allowed_hosts: tuple[str, ...] = ()
    """If there are any, no other is connected to; see network.endpoints()."""
