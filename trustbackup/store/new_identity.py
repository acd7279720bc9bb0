"""Make a pair of keys as ``age-keygen`` does: the secret is handed out, and kept nowhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.views.decorators.debug import sensitive_variables

from trustbackup.store import age


@dataclass(frozen=True)
class NewIdentity:
    """``recipient`` is the public key; ``text`` is what a file with the identity holds."""

    recipient: str
    text: str = field(repr=False)
    protected: bool


@sensitive_variables()
def new_identity(passphrase: str = "", now: datetime | None = None) -> NewIdentity:
    """A new X25519 pair; with a passphrase the identity is encrypted with it, in age's own way
    (``age -p -a``). Raises ConfigurationError."""
    pyrage = age.library()
    identity = pyrage.x25519.Identity.generate()
    recipient = str(identity.to_public())
    moment = (now or datetime.now(UTC)).isoformat(timespec="seconds").replace("+00:00", "Z")
    text = f"# created: {moment}\n# public key: {recipient}\n{identity}\n"
    if passphrase:
        text = pyrage.passphrase.encrypt(text.encode(), passphrase, armored=True).decode()
    return NewIdentity(recipient, text, protected=bool(passphrase))
