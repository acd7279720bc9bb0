"""A destination that was set up on the page: options and secrets become its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from django.utils.module_loading import import_string

from trustbackup import vault
from trustbackup.destinations.base import DestinationError
from trustbackup.exceptions import UsageError
from trustbackup.phrases import gettext as _

CONFIGS: dict[str, str] = {
    "folder": "trustbackup.destinations.folder.FolderConfig",
    "s3": "trustbackup.destinations.s3.config.S3Config",
    "sftp": "trustbackup.destinations.sftp.config.SftpConfig",
    "storage": "trustbackup.destinations.storage.StorageConfig",
}
"""Kind → the frozen dataclass that its class is made of."""
SECRETS: dict[str, tuple[str, ...]] = {
    "folder": (),
    "s3": ("secret_key", "session_token"),
    "sftp": ("password", "private_key", "passphrase"),
    "storage": (),
}
"""Kind → its fields that are sealed at rest and never shown again."""
_MISSING = {
    "alias": _("its alias is missing"),
    "bucket": _("its bucket is missing"),
    "host": _("its host is missing"),
    "user": _("its user is missing"),
}


def configure(
    kind: str,
    options: Mapping[str, Any],
    secrets: Mapping[str, str],
    *,
    allowed_hosts: tuple[str, ...] = (),
) -> Any:  # noqa: ANN401 - each kind has its own
    """The frozen configuration; secrets may be ``env:NAME`` or ``file:/path``.

    Raises DestinationError, SecretError, and UsageError for an unknown kind.
    """
    if kind not in CONFIGS:
        raise UsageError(
            _("There are no destinations of the kind %(kind)r", kind=kind),
            todo=_("Known are %(known)s.", known=", ".join(sorted(CONFIGS))),
        )
    config = import_string(CONFIGS[kind])
    known = {item.name: item for item in fields(config)}
    values: dict[str, Any] = {name: value for name, value in options.items() if name in known}
    for name in SECRETS[kind]:
        if text := secrets.get(name, ""):
            values[name] = vault.resolve(text, private_key=name == "private_key")
    if "allowed_hosts" in known:
        values["allowed_hosts"] = allowed_hosts
    if kind == "folder":
        values["path"] = Path(values.get("path", ""))
    missing = [
        name
        for name, item in known.items()
        if item.default is MISSING and item.default_factory is MISSING and not values.get(name)
    ]
    if missing:
        raise DestinationError(
            _("The destination can't be used"),
            why=_MISSING.get(missing[0], _("its %(field)s is missing", field=missing[0])),
            todo=_("Fill it in, then try again."),
            permanent=True,
        )
    return config(**values)
