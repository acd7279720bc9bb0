"""Public keys of age, and what an encrypted file tells a stranger: that it is one, and for how
many.

Files are as https://c2sp.org/age says; ``pyrage`` (the extra ``age``) makes and opens them, and
so does the program ``age``. Nothing here holds a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from trustbackup.exceptions import ConfigurationError, FolderError, UsageError, file_operation
from trustbackup.phrases import gettext as _
from trustbackup.store.durable import open_regular

SUFFIX = ".age"
MAGIC = b"age-encryption.org/v1\n"
MOST_RECIPIENTS = 20
"""age itself sets no limit; a header is read by whoever opens the file."""
_LARGEST_HEADER = 16 << 10
"""Bytes; so many recipients have a tenth."""
_X25519 = re.compile(r"age1[02-9ac-hj-np-z]{58}", re.ASCII)
_SSH = re.compile(r"(?P<key>ssh-ed25519 [A-Za-z0-9+/=]{68})(?: .*)?", re.ASCII)
_STANZA = re.compile(rb"^-> (?P<type>X25519|ssh-ed25519) ", re.MULTILINE)
_CHUNK, _TAG, _NONCE = 64 << 10, 16, 16
"""Bytes: of plain text that are authenticated together, of each such proof, before the first."""


def library() -> ModuleType:
    """pyrage, which is loaded when something is encrypted. Raises ConfigurationError."""
    try:
        import pyrage
    except ImportError as error:
        raise ConfigurationError(
            _("Nothing can be encrypted or decrypted here"),
            why=str(error),
            todo=_("Install it: pip install 'trustbackup[age]'."),
        ) from error
    module: ModuleType = pyrage
    return module


def read_recipient(text: str) -> str:
    """A public key as it is compared and kept: without a comment. Raises UsageError."""
    found = text.strip()
    if _X25519.fullmatch(found) or (match := _SSH.fullmatch(found)):
        key = found if found.startswith("age1") else match["key"]  # type: ignore[index]
        _key_of(key)
        return key
    if "PRIVATE KEY" in text.upper() or "SECRET-KEY" in text.upper():
        raise UsageError(
            _("That is no public key"),
            why=_("it is a secret one, which this site must not have"),
            todo=_("Give the public key that belongs to it, and take care of the secret one."),
        )
    raise _no_key(found)


def read_recipients(texts: Sequence[str]) -> tuple[str, ...]:
    """Each once, in their order. Raises UsageError."""
    keys = tuple(dict.fromkeys(map(read_recipient, texts)))
    if len(keys) > MOST_RECIPIENTS:
        raise UsageError(
            _("A backup can be encrypted to %(number)d keys at most", number=MOST_RECIPIENTS),
            todo=_("Name fewer."),
        )
    return keys


def keys_of(recipients: Sequence[str]) -> list[Any]:
    """What pyrage wants of them. Raises UsageError, ConfigurationError."""
    return [_key_of(recipient) for recipient in recipients]


def _key_of(recipient: str) -> Any:  # noqa: ANN401
    pyrage = library()
    kind = pyrage.x25519 if recipient.startswith("age1") else pyrage.ssh
    try:
        return kind.Recipient.from_str(recipient)
    except pyrage.RecipientError as error:
        raise _no_key(recipient) from error


def _no_key(text: str) -> UsageError:
    return UsageError(
        _("%(text)r is no public key that backups can be encrypted to", text=text[:80]),
        todo=_("Give one that begins with age1, or with ssh-ed25519."),
    )


def is_encrypted(head: bytes) -> bool:
    """By a file's first bytes, never by its name."""
    return head.startswith(MAGIC)


def check_encrypted(path: Path, recipients: Sequence[str], plain_size: int) -> None:
    """Read a stored file's header: raises FolderError unless it is age's, for so many keys.

    Its size must be the one that ``plain_size`` bytes have when they are encrypted.
    """
    with file_operation(_("Reading"), path), open_regular(path) as file:
        head = file.read(_LARGEST_HEADER)
        size = os.fstat(file.fileno()).st_size
    end = head.find(b"\n--- ")
    header = head.find(b"\n", end + 1) + 1
    kinds = sorted(match["type"] for match in _STANZA.finditer(head[: max(end, 0) + 1]))
    wanted = sorted(b"X25519" if key.startswith("age1") else b"ssh-ed25519" for key in recipients)
    chunks = max(1, -(-plain_size // _CHUNK))
    expected = header + _NONCE + plain_size + chunks * _TAG
    if not is_encrypted(head) or end < 0 or kinds != wanted or size != expected:
        raise FolderError(
            _("%(name)s is not encrypted as it should be", name=path.name),
            why=_("what was read back has other keys, or another length"),
            todo=_("Look after the disk and after who writes there, then make the backup again."),
        )
