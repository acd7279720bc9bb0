"""By what a public key is called beside a backup. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def fingerprint(recipient: str) -> str:
    """The first 16 hex digits of a key's SHA-256."""
    return hashlib.sha256(recipient.encode()).hexdigest()[:16]


def fingerprints(recipients: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(fingerprint, recipients))
