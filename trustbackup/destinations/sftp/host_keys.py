"""The public keys that servers are known by: pinned once a person has confirmed them."""

from __future__ import annotations

import base64
import binascii
import hashlib
from itertools import pairwise
from typing import NamedTuple

from trustbackup.destinations.base import DestinationError, OfferedKey
from trustbackup.phrases import gettext as _


class HostKey(NamedTuple):
    """A server's public key: its type, and its bytes as the protocol has them (RFC 4253, 6.6)."""

    type: str
    blob: bytes

    @property
    def line(self) -> str:
        """The form that is kept: "type base64"."""
        return f"{self.type} {base64.b64encode(self.blob).decode()}"

    @property
    def fingerprint(self) -> str:
        """As ``ssh-keygen -l`` shows it: "SHA256:" and 43 characters."""
        digest = hashlib.sha256(self.blob).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def parse_host_key(text: str) -> HostKey:
    """Read "type base64", also as a whole line of known_hosts. Raises DestinationError."""
    words = text.split()
    for kind, encoded in pairwise(words):
        if kind.startswith(("ssh-", "ecdsa-")):
            try:
                blob = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                break
            length = int.from_bytes(blob[:4], "big")
            if blob[4 : 4 + length] == kind.encode():  # a key says itself of which type it is
                return HostKey(kind, blob)
            break
    raise DestinationError(
        _("The server's pinned host key can't be read"),
        why=_('it is not of the form "type base64"'),
        todo=_("Ask the server for its key again and confirm its fingerprint."),
        permanent=True,
    )


class UnknownHostKey(DestinationError):
    """The server's host key is not confirmed yet."""

    def __init__(self, where: str, fingerprint: str, key: str) -> None:
        self.fingerprint = fingerprint
        """What a person compares: "SHA256:…"."""
        self.key = key
        """What is pinned when they agree: "type base64"."""
        super().__init__(
            _("%(where)s was not signed in to", where=where),
            why=_("its host key %(fingerprint)s has not been confirmed", fingerprint=fingerprint),
            todo=_("Compare it with what the server's operator says, then confirm it."),
            permanent=True,
        )
        self.offered = OfferedKey(key, fingerprint)


class ChangedHostKey(DestinationError):
    """The server's host key is another than the confirmed one."""

    def __init__(self, where: str, pinned: str, fingerprint: str, key: str) -> None:
        self.fingerprint = fingerprint
        self.key = key
        super().__init__(
            _("%(where)s was not signed in to", where=where),
            why=_(
                "its host key is %(fingerprint)s, not %(pinned)s as it was confirmed: either the "
                "server has been set up anew, or somebody stands between",
                fingerprint=fingerprint,
                pinned=pinned,
            ),
            todo=_("Ask the server's operator; confirm the new key only when they know of it."),
            permanent=True,
        )
        self.offered = OfferedKey(key, fingerprint, pinned)
