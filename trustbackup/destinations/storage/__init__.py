"""Copies in any storage that Django knows."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from trustbackup.destinations.base import Capabilities
from trustbackup.destinations.kind import DestinationKind
from trustbackup.destinations.storage.config import StorageConfig, from_url

KIND = DestinationKind(
    name="storage",
    label=pgettext_lazy("a kind of destination", "Django storage"),
    configuration=StorageConfig,
    backend="trustbackup.destinations.storage.backend.DjangoStorage",
    scheme="storage",
    from_url=from_url,
    capabilities=Capabilities(is_local=True),
    form="trustbackup.destinations.storage.form.StorageForm",
)
