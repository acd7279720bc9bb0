"""Identities: the secret halves of the keys that backups are encrypted to, while something is read.

They are handed in for one command, one run or one request, and kept nowhere: ``using()`` says
which are in use meanwhile, in this thread. A file is age's own (lines of ``AGE-SECRET-KEY-1…``),
the same protected by a passphrase (``age -p``), or an SSH key of type ed25519 without one.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.views.decorators.debug import sensitive_variables

from trustbackup.exceptions import UsageError
from trustbackup.phrases import gettext as _
from trustbackup.phrases import ngettext
from trustbackup.store import age
from trustbackup.store.fingerprints import fingerprint
from trustbackup.vault import read_private_file

VARIABLE = "TRUSTBACKUP_IDENTITY"
PASSPHRASE = "TRUSTBACKUP_IDENTITY_PASSPHRASE"  # noqa: S105 - where it is, not what
_ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----", b"-----END AGE ENCRYPTED FILE-----"
_SSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"


class IdentityNeeded(UsageError):
    """A backup is encrypted, and no identity that was given opens it."""

    default = _("An identity is needed")


@dataclass(frozen=True)
class Identities:
    """Some identities, as pyrage takes them. ``fingerprints`` are those of their public keys."""

    keys: tuple[Any, ...] = ()
    fingerprints: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.keys)

    def __repr__(self) -> str:
        return f"Identities({', '.join(self.fingerprints)})"


_in_use: ContextVar[Identities | None] = ContextVar("identities in use", default=None)


@contextmanager
def using(known: Identities) -> Iterator[None]:
    """While this is held, what is encrypted is opened by these."""
    token = _in_use.set(known)
    try:
        yield
    finally:
        _in_use.reset(token)


def from_environment(ask: Callable[[], str] = lambda: "") -> Identities:
    """What ``TRUSTBACKUP_IDENTITY`` holds, or the file that it names as ``file:/path``.

    Raises SecretError, UsageError, ConfigurationError.
    """
    given = os.environ.get(VARIABLE, "")
    if not given:
        return Identities()
    path = given.removeprefix("file:")
    content = read_identity_file(Path(path)) if path != given else given.encode()
    return read_identities(content, lambda: os.environ.get(PASSPHRASE, "") or ask())


def read_identity_file(path: Path) -> bytes:
    """What a file holds that nobody else may read. Raises SecretError."""
    return read_private_file(path, _("The identity %(path)s can't be read", path=path))


def merged(found: Sequence[Identities]) -> Identities:
    return Identities(
        tuple(key for each in found for key in each.keys),
        tuple(name for each in found for name in each.fingerprints),
    )


def in_use() -> Identities:
    """Those that were handed in; none outside of ``using()``."""
    return _in_use.get() or Identities()


@sensitive_variables()
def unlocked(data: bytes, ask: Callable[[], str] = lambda: "") -> bytes:
    """A file's content without the passphrase that protects it. Raises UsageError."""
    content = _dearmored(data)
    return _unlocked(content, ask()) if age.is_encrypted(content) else content


@sensitive_variables()
def read_identities(data: bytes, ask: Callable[[], str] = lambda: "") -> Identities:
    """What a file holds; ``ask`` gives the passphrase of one that has one. Raises UsageError."""
    content = unlocked(data, ask)
    if content.lstrip().startswith(_SSH):
        return _ssh_identity(content)
    try:
        lines = [line.strip() for line in content.decode().splitlines()]
    except UnicodeDecodeError:
        raise _no_identity() from None
    found = [_identity(line) for line in lines if line and not line.startswith("#")]
    if not found:
        raise _no_identity()
    return Identities(tuple(found), tuple(fingerprint(str(each.to_public())) for each in found))


@sensitive_variables()
def _identity(line: str) -> Any:  # noqa: ANN401
    pyrage = age.library()
    try:
        return pyrage.x25519.Identity.from_str(line)
    except pyrage.IdentityError:
        raise _no_identity() from None


@sensitive_variables()
def _ssh_identity(content: bytes) -> Identities:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_ssh_private_key,
    )

    pyrage = age.library()
    if _has_passphrase(content):
        raise UsageError(
            _("The SSH key asks for a passphrase"),
            todo=_("Give a copy without one (ssh-keygen -p), in a file that only you can read."),
        )
    try:
        identity = pyrage.ssh.Identity.from_buffer(content)
        public = load_ssh_private_key(content, None).public_key()
        line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    except (pyrage.IdentityError, ValueError, UnsupportedAlgorithm):
        raise _no_identity() from None
    return Identities((identity,), (fingerprint(line),))


@sensitive_variables()
def _has_passphrase(content: bytes) -> bool:
    """As https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key has it: its
    cipher."""
    try:
        raw = base64.b64decode(b"".join(content.strip().splitlines()[1:-1]))
    except (ValueError, binascii.Error):
        return False
    return not raw.startswith(b"openssh-key-v1\x00\x00\x00\x00\x04none")


@sensitive_variables()
def _dearmored(content: bytes) -> bytes:
    begin, end = _ARMOR
    if not content.lstrip().startswith(begin):
        return content
    try:
        return base64.b64decode(content.partition(begin)[2].partition(end)[0], validate=False)
    except (ValueError, binascii.Error):
        raise _no_identity() from None


@sensitive_variables()
def _unlocked(content: bytes, passphrase: str) -> bytes:
    pyrage = age.library()
    if not passphrase:
        raise UsageError(
            _("The identity is protected by a passphrase"),
            todo=_("Give that, too: type it in, or set TRUSTBACKUP_IDENTITY_PASSPHRASE."),
        )
    try:
        return bytes(pyrage.passphrase.decrypt(content, passphrase))
    except pyrage.DecryptError:
        raise UsageError(
            _("The identity can't be opened"),
            why=_("the passphrase is another one, or the file is damaged"),
            todo=_("Try again."),
        ) from None


def _no_identity() -> UsageError:
    return UsageError(
        _("That is no identity"),
        todo=_(
            "Give a file with a line that begins with AGE-SECRET-KEY-1, or an SSH key of type"
            " ed25519."
        ),
    )


def needed(name: str) -> IdentityNeeded:
    return IdentityNeeded(
        _("%(name)s is encrypted, and no identity was given", name=name),
        todo=_("Give one: --identity FILE, or TRUSTBACKUP_IDENTITY."),
    )


def wrong(name: str, known: Identities) -> IdentityNeeded:
    number = len(known.keys)
    return IdentityNeeded(
        _("%(name)s can't be decrypted", name=name),
        why=ngettext(
            "it is encrypted to other keys than that of the identity",
            "it is encrypted to other keys than those of the %(number)d identities",
            number,
        ),
        todo=_("Give the identity of a key that it was encrypted to; show_backup names them."),
    )
