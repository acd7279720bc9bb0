"""Private keys to sign in with: OpenSSH's own format (PROTOCOL.key), and PEM (PKCS#1, SEC1,
PKCS#8)."""

from __future__ import annotations

import io
from typing import NamedTuple

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.views.decorators.debug import sensitive_variables

from trustbackup.destinations.base import DestinationError
from trustbackup.phrases import gettext as _

_PUBLIC = (
    "ssh-",
    "ecdsa-",
    "sk-",
    "---- BEGIN SSH2 PUBLIC",
    "-----BEGIN PUBLIC",
    "-----BEGIN RSA PUB",
)
_ASK = _("Paste a private key as ssh-keygen writes it, or have a new pair made here.")


class KeyPair(NamedTuple):
    """A private key (OpenSSH's text, no passphrase) and the line for ``authorized_keys``."""

    private: str
    public: str


def new_key_pair(comment: str = "trustbackup") -> KeyPair:
    """Make an ed25519 key pair."""
    key = ed25519.Ed25519PrivateKey.generate()
    return KeyPair(_plain_text(key), _public_line(key, comment))


@sensitive_variables()
def public_line(text: str, passphrase: str = "", comment: str = "trustbackup") -> str:
    """The line for the server's ``authorized_keys``. Raises DestinationError."""
    return _public_line(_load(text, passphrase), comment)


@sensitive_variables()
def sign_in_key(text: str, passphrase: str = "") -> paramiko.PKey:
    """Read a private key; asks nobody. Raises DestinationError, whose text has nothing of it."""
    key = _load(text, passphrase)
    file = io.StringIO(_plain_text(key))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return paramiko.Ed25519Key.from_private_key(file)
    if isinstance(key, rsa.RSAPrivateKey):
        return paramiko.RSAKey.from_private_key(file)
    return paramiko.ECDSAKey.from_private_key(file)


_Private = ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def _load(text: str, passphrase: str) -> _Private:
    # Forms send lines as CRLF, and people paste with blanks around.
    lines = [line.strip() for line in text.strip().splitlines()]
    _must_look_private(lines[0] if lines else "")
    data = "\n".join([*lines, ""]).encode()
    try:
        key = _read(data, None)
    except TypeError:  # it is encrypted
        if not passphrase:
            raise _unusable(_("it needs a passphrase"), _("Enter the key's passphrase.")) from None
        try:
            key = _read(data, passphrase.encode())
        except (TypeError, ValueError):
            raise _unusable(_("the passphrase is wrong"), _("Correct the passphrase.")) from None
    except ValueError:
        raise _unusable(_("it is damaged or was not pasted whole"), _ASK) from None
    if not isinstance(key, _Private):
        raise _unusable(_("its type is none of ed25519, ECDSA (nistp256, 384, 521) and RSA"), _ASK)
    return key


def _must_look_private(first_line: str) -> None:
    if first_line.startswith("PuTTY-User-Key-File"):
        raise _unusable(
            _("it is in PuTTY's format"), _("Export it from PuTTYgen as an OpenSSH key.")
        )
    if first_line.startswith(_PUBLIC):
        raise _unusable(
            _("it is the public half"), _("Paste the private one, from the other file.")
        )
    if not first_line.startswith("-----BEGIN "):
        raise _unusable(_("it does not begin with a line -----BEGIN …-----"), _ASK)


def _read(data: bytes, passphrase: bytes | None) -> object:
    """None for a type that nobody knows here."""
    openssh = data.startswith(b"-----BEGIN OPENSSH ")
    load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
    try:
        return load(data, passphrase)
    except UnsupportedAlgorithm:
        return None


def _unusable(why: str, todo: str) -> DestinationError:
    return DestinationError(_("The private key can't be used"), why=why, todo=todo, permanent=True)


def _plain_text(key: _Private) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    ).decode()


def _public_line(key: _Private, comment: str) -> str:
    line = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    return f"{line.decode()} {' '.join(comment.split())}".strip()
