"""Secrets at rest: encrypted with keys that come from the site's own, or kept elsewhere.

A secret that is stored is a Fernet token (AES-128-CBC and HMAC-SHA256, with its time). Each of
the site's secret keys gives one Fernet key by HKDF-SHA256 (RFC 5869) under a label of its own,
so that no secret is used for two purposes; the newest one encrypts, all of them decrypt.
"""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.views.decorators.debug import sensitive_variables

from trustbackup.exceptions import TrustbackupError
from trustbackup.phrases import gettext as _

_PURPOSE = b"trustbackup vault v1"
_LARGEST = 64 << 10
"""Bytes of a file that holds one secret."""
_CONTAINER = Path("/run/secrets")
"""Where Docker and Podman put secrets, readable by all in a container that has one user."""


class SecretError(TrustbackupError):
    """A secret can't be read."""

    default = _("A secret can't be read")


class Vault:
    """Encrypts and decrypts with the site's secret keys, newest first."""

    @sensitive_variables()
    def __init__(self, secret_keys: Sequence[str]) -> None:
        from cryptography.fernet import Fernet, MultiFernet

        if not secret_keys:
            raise ValueError("a vault needs a key")
        self._fernet = MultiFernet([Fernet(_derive(key)) for key in secret_keys])

    @sensitive_variables()
    def seal(self, text: str) -> str:
        """Encrypt a secret: ASCII, about a third longer than the text and 100 characters more."""
        return self._fernet.encrypt(text.encode()).decode()

    @sensitive_variables()
    def unseal(self, token: str) -> str:
        """Decrypt what ``seal`` gave. Raises SecretError when no key fits."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(token.encode()).decode()
        except InvalidToken:
            raise _lost() from None

    @sensitive_variables()
    def reseal(self, token: str) -> str:
        """Encrypt with the newest key what an older one had encrypted. Raises SecretError."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.rotate(token.encode()).decode()
        except InvalidToken:
            raise _lost() from None


@sensitive_variables()
def _derive(secret_key: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    key = HKDF(SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret_key.encode())
    return base64.urlsafe_b64encode(key)


def _lost() -> SecretError:
    return SecretError(
        _("A stored secret can't be read"),
        why=_("none of the site's secret keys encrypted it, or it was altered"),
        todo=_(
            "Put the former key behind the others in TRUSTBACKUP['SECRET_KEYS'] (or "
            "SECRET_KEY_FALLBACKS), or enter the secret again."
        ),
    )


def is_reference(text: str) -> bool:
    """Whether a text says where a secret is instead of being one."""
    return text.startswith(("env:", "file:"))


@sensitive_variables()
def resolve(
    text: str, *, private_key: bool = False, environ: Mapping[str, str] | None = None
) -> str:
    """The secret that ``env:NAME`` or ``file:/path`` stands for; any other text is the secret.

    Of a file the line ends at its end are not a part. It must be a regular one, written by
    nobody but its owner and group, and readable by no others; only a password below
    /run/secrets may be. A private key never. Raises SecretError.
    """
    kind, mark, rest = text.partition(":")
    if mark and kind == "env":
        return _from_environment(rest, os.environ if environ is None else environ)
    if mark and kind == "file":
        return _from_file(Path(rest), private_key=private_key)
    return text


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name, "")
    if not value:
        raise SecretError(
            _("The secret env:%(name)s can't be read", name=name),
            why=_("the environment has no such variable, or it is empty"),
            todo=_("Set it for every process of the site, then try again."),
        )
    return value


def _from_file(path: Path, *, private_key: bool) -> str:
    what = _("The secret file:%(path)s can't be read", path=path)
    if not path.is_absolute():
        raise SecretError(what, why=_("its path is not absolute"), todo=_("Write file:/path."))
    content = read_private_file(path, what, private_key=private_key)
    try:
        secret = content.decode()
    except UnicodeDecodeError:
        raise SecretError(what, why=_("it is no text"), todo=_("Check the path.")) from None
    secret = secret.rstrip("\r\n")
    if not secret:
        raise SecretError(what, why=_("it is empty"), todo=_("Check the path."))
    return f"{secret}\n" if private_key else secret


@sensitive_variables()
def read_private_file(path: Path, what: str, *, private_key: bool = True) -> bytes:
    """A small regular file that only its owner, or group, may read; ``what`` is the clause said
    where it can't be. A password in a container's folder for secrets may be read by all.

    Raises SecretError.
    """
    try:
        # O_NONBLOCK: nobody writes to a pipe that stands there.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            _must_be_private(what, path, os.fstat(descriptor).st_mode, private_key=private_key)
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise SecretError(
            what, why=os.strerror(error.errno or 0), todo=_("Check the path and its rights.")
        ) from error
    if len(content) > _LARGEST:
        raise SecretError(
            what, why=_("it is larger than a secret can be"), todo=_("Check the path.")
        )
    return content


def _must_be_private(what: str, path: Path, mode: int, *, private_key: bool) -> None:
    if not stat.S_ISREG(mode):
        raise SecretError(what, why=_("it is no regular file"), todo=_("Check the path."))
    may_be_read = _CONTAINER in path.parents and not private_key
    if mode & stat.S_IWOTH or (mode & stat.S_IROTH and not may_be_read):
        raise SecretError(
            what,
            why=_("other users of this machine may read or write it"),
            todo=_("Run chmod o= on it."),
        )
