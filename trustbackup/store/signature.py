"""Who signed a document: HMAC-SHA256 with keys derived from the site's secrets.

Pure. What is signed is the document without its ``signature`` member, written as JSON with
sorted keys, no white space and unescaped UTF-8. A key is ``HMAC-SHA256(secret, "trustbackup
manifest signature v1")``, so that a secret itself is never used twice.
"""

from __future__ import annotations

import enum
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

_PURPOSE = b"trustbackup manifest signature v1"


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

    def sign(self, document: Mapping[str, Any]) -> dict[str, str]:
        key = self._keys[0]
        return {
            "algorithm": "HMAC-SHA256",
            "key": _key_id(key),
            "value": _hmac(key, canonical(document)).hex(),
        }

    def check(self, document: Mapping[str, Any]) -> Signature:
        signature = document.get("signature")
        if not isinstance(signature, dict) or signature.get("algorithm") != "HMAC-SHA256":
            return Signature.ALTERED
        for key in self._keys:
            if hmac.compare_digest(_key_id(key).encode(), str(signature.get("key")).encode()):
                value = _hmac(key, canonical(document)).hex().encode()
                good = hmac.compare_digest(value, str(signature.get("value")).encode())
                return Signature.OURS if good else Signature.ALTERED
        return Signature.UNKNOWN


def canonical(document: Mapping[str, Any]) -> bytes:
    """The bytes that are signed: everything but the signature itself."""
    unsigned = {key: value for key, value in document.items() if key != "signature"}
    text = json.dumps(unsigned, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _key_id(key: bytes) -> str:
    return _hmac(key, b"key id").hex()[:16]
