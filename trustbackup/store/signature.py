"""Who signed a document: HMAC-SHA256 with keys derived from the site's secrets.

Pure. What is signed is the document without its ``signature`` member, written as JSON with
sorted keys, no white space and unescaped UTF-8. A key is ``HMAC-SHA256(secret, "trustbackup
manifest signature v1")``, so that a secret itself is never used twice.
"""

from __future__ import annotations

import base64
import contextlib
import enum
import functools
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trustbackup.exceptions import BackupNotFound
from trustbackup.phrases import gettext as _
from trustbackup.phrases import ngettext
from trustbackup.store import quick_json

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

_PURPOSE = b"trustbackup manifest signature v1"
_SEALING = b"trustbackup sealed manifest v1"


class Signature(enum.Enum):
    """Who signed a manifest."""

    OURS = "signed by this site"
    UNKNOWN = "signed by an unknown key"
    ALTERED = "altered since it was signed"


class Signer:
    """Signs with the first of the site's secrets, and checks with all of them."""

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets:
            raise ValueError("a signer needs a secret")
        self._keys = [_hmac(secret.encode(), _PURPOSE) for secret in secrets]
        self.keys = " ".join(_key_id(key) for key in self._keys)
        """Which keys it has, without telling them: changes when one comes or goes."""
        self._secrets = tuple(secrets)

    def sign(self, document: Mapping[str, Any]) -> dict[str, str]:
        key = self._keys[0]
        return {
            "algorithm": "HMAC-SHA256",
            "key": _key_id(key),
            "value": _hmac(key, canonical(document)).hex(),
        }

    @functools.cached_property
    def _fernet(self) -> MultiFernet:
        from cryptography.fernet import Fernet, MultiFernet

        keys = [_hmac(secret.encode(), _SEALING) for secret in self._secrets]
        return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])

    def seal(self, data: bytes) -> str:
        """Encrypt for the site itself, with the first of its secrets: ASCII, a third longer."""
        return self._fernet.encrypt(data).decode()

    def unseal(self, token: str) -> bytes:
        """What was sealed with one of them; ``b""`` where none fits."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(token)
        except (InvalidToken, ValueError):
            return b""

    def check(self, document: Mapping[str, Any]) -> Signature:
        signature = document.get("signature")
        if not isinstance(signature, dict) or signature.get("algorithm") != "HMAC-SHA256":
            return Signature.ALTERED
        for key in self._keys:
            if hmac.compare_digest(_key_id(key).encode(), str(signature.get("key")).encode()):
                value = str(signature.get("value")).encode()
                good = any(
                    hmac.compare_digest(_hmac(key, data).hex().encode(), value)
                    for data in _canonicals(document)
                )
                return Signature.OURS if good else Signature.ALTERED
        return Signature.UNKNOWN


def _canonicals(document: Mapping[str, Any]) -> Iterator[bytes]:
    """The bytes that are signed: first as they are made quickly, then as they are defined.

    The two are the same for almost every document, and either is this document and no other.
    """
    if quick := quick_json.loaded():
        with contextlib.suppress(ValueError, TypeError, RecursionError):
            yield quick.encode(_unsigned(document), order="sorted")
    yield canonical(document)


def canonical(document: Mapping[str, Any]) -> bytes:
    """The bytes that are signed: everything but the signature itself."""
    unsigned = _unsigned(document)
    text = json.dumps(unsigned, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def _unsigned(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "signature"}


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _key_id(key: bytes) -> str:
    return _hmac(key, b"key id").hex()[:16]


def no_signed_backup(where: str, others: int) -> BackupNotFound:
    """``latest`` means what this site signed, and there are only ``others``."""
    return BackupNotFound(
        _("There is no backup at %(where)s that this site signed", where=where),
        why=ngettext(
            "%(number)d other is there, and nothing proves who made it",
            "%(number)d others are there, and nothing proves who made them",
            others,
        ),
        todo=_("Set the key that signed them, or name the file of the one that you trust."),
    )


def too_many_others(where: str, number: int) -> BackupNotFound:
    """``latest`` was not looked for any longer: so many newer ones are not this site's."""
    return BackupNotFound(
        _("The newest backup of this site at %(where)s was not found", where=where),
        why=ngettext(
            "the newest one there is not signed by this site",
            "the %(number)d newest ones there are not signed by this site",
            number,
        ),
        todo=_("Find out who put them there, or name the backup by its id."),
    )
