"""Secrets as rows hold them: several by name, encrypted together with the site's keys."""

from __future__ import annotations

import json
from collections.abc import Mapping

from django.views.decorators.debug import sensitive_variables

from trustbackup.conf import get_settings
from trustbackup.vault import Vault


@sensitive_variables()
def seal_secrets(secrets: Mapping[str, str]) -> str:
    """What may be saved; "" for none."""
    given = {name: text for name, text in secrets.items() if text}
    return _vault().seal(json.dumps(given)) if given else ""


@sensitive_variables()
def unseal_secrets(sealed: str) -> dict[str, str]:
    """What ``seal_secrets`` was given. Raises SecretError."""
    if not sealed:
        return {}
    found: dict[str, str] = json.loads(_vault().unseal(sealed))
    return found


def _vault() -> Vault:
    return Vault(get_settings().secret_keys)
