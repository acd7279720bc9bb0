"""The configuration of an SFTP destination."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, quote, unquote

from trustbackup import vault
from trustbackup.destinations.url import only_path, wrong_address
from trustbackup.phrases import gettext as _

SFTP_VARIABLES = {
    "password": "TRUSTBACKUP_SFTP_PASSWORD",
    "private_key": "TRUSTBACKUP_SFTP_KEY",
    "passphrase": "TRUSTBACKUP_SFTP_PASSPHRASE",
    "host_key": "TRUSTBACKUP_SFTP_HOST_KEY",
}
"""Fields of SftpConfig → the variables that they come from."""
SFTP_KEY_FILE = "TRUSTBACKUP_SFTP_KEY_FILE"


@dataclass(frozen=True, kw_only=True)
class SftpConfig:
    """A server, who signs in there, and the folder for the copies."""

    host: str = field(metadata={"missing": _("its host is missing")})
    user: str = field(metadata={"missing": _("its user is missing")})
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

    @property
    def root(self) -> str:
        """The folder as the server is asked for it."""
        return posixpath.normpath(self.folder.removeprefix("~/") or ".")

    @property
    def address(self) -> str:
        """A relative folder follows one slash, an absolute one two."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == 22 else f":{self.port}"
        folder = "" if self.root == "." else quote(self.root)
        return f"sftp://{quote(self.user, safe='')}@{host}{port}/{folder}"


def from_url(url: SplitResult, environ: Mapping[str, str]) -> SftpConfig:
    """Raises DestinationError, SecretError."""
    only_path(url)
    if not url.hostname or not url.username:
        raise wrong_address(_("it names no host, or no user"), _("Write sftp://user@host/folder."))
    secrets: dict[str, Any] = {
        name: environ.get(variable, "") for name, variable in SFTP_VARIABLES.items()
    }
    if path := environ.get(SFTP_KEY_FILE):
        if secrets["private_key"]:
            raise wrong_address(
                _(
                    "both %(one)s and %(other)s are set",
                    one=SFTP_VARIABLES["private_key"],
                    other=SFTP_KEY_FILE,
                ),
                _("Set one."),
            )
        secrets["private_key"] = vault.resolve(f"file:{path}", private_key=True)
    return SftpConfig(
        host=url.hostname,
        port=22 if url.port is None else url.port,
        user=unquote(url.username),
        folder=unquote(url.path.removeprefix("/")),
        **secrets,
    )
