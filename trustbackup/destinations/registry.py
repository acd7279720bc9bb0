"""Which kinds of destinations there are; each loads what it needs when it is first used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.module_loading import import_string

from trustbackup.destinations.base import Destination
from trustbackup.exceptions import UsageError
from trustbackup.phrases import gettext as _

DESTINATIONS: dict[str, str] = {
    "folder": "trustbackup.destinations.folder.Folder",
    "s3": "trustbackup.destinations.s3.destination.S3",
    "sftp": "trustbackup.destinations.sftp.destination.Sftp",
    "storage": "trustbackup.destinations.storage.DjangoStorage",
}
"""Kind → the class, which is made of the kind's configuration."""


def new_destination(
    kind: str,
    config: Any,  # noqa: ANN401 - each kind has its own
    more: Mapping[str, str] | None = None,
) -> Destination:
    """A destination of a kind; ``more`` are kinds of the site's own. Raises UsageError."""
    known = {**DESTINATIONS, **(more or {})}
    if kind not in known:
        raise UsageError(
            _("There are no destinations of the kind %(kind)r", kind=kind),
            todo=_("Known are %(known)s.", known=", ".join(sorted(known))),
        )
    destination: Destination = import_string(known[kind])(config)
    return destination
