"""Copies in another folder: a second disk, a USB drive, a mounted share."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from trustbackup.destinations.base import Capabilities
from trustbackup.destinations.folder.config import FolderConfig, from_url
from trustbackup.destinations.kind import DestinationKind

KIND = DestinationKind(
    name="folder",
    label=pgettext_lazy("a kind of destination", "Folder"),
    configuration=FolderConfig,
    backend="trustbackup.destinations.folder.backend.Folder",
    scheme="file",
    from_url=from_url,
    capabilities=Capabilities(knows_space=True, is_local=True),
    form="trustbackup.destinations.folder.form.FolderForm",
)
