"""With what a run opens encrypted backups: what the page sealed for it, or the environment's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.views.decorators.debug import sensitive_variables

from trustbackup.models import Run
from trustbackup.sealing import unseal_secrets
from trustbackup.store.identities import Identities, from_environment, read_identities
from trustbackup.vault import SecretError

OPENING = ("restore", "drill", "prove key")
"""The actions that read what is in a backup, if only its beginning."""


def identities_of_run(run: Run, options: Mapping[str, Any]) -> Identities:
    """Raises SecretError, UsageError, ConfigurationError."""
    if run.action not in OPENING:
        return Identities()
    return opened(str(options.get(Run.SEALED, ""))) or from_environment()


@sensitive_variables()
def opened(token: str) -> Identities:
    """The identities in a sealed text; none where it can't be read."""
    if not token:
        return Identities()
    try:
        text = unseal_secrets(token).get("identity", "")
    except SecretError:
        return Identities()
    return read_identities(text.encode()) if text else Identities()
