"""Which destination a name or a URL means, and those that the site has set up."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import DatabaseError

from trustbackup import models, vault
from trustbackup.destinations import address, registry
from trustbackup.destinations.base import Destination
from trustbackup.exceptions import TrustbackupError, UsageError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A destination that somebody named; ``row`` is None when it was a URL."""

    name: str
    open: Callable[[], Destination]
    """Connects when first used. Raises ConfigurationError, DestinationError."""
    row: models.Destination | None = None

    def note(self, problem: str = "") -> None:
        """Write down how its last use ended; best effort."""
        if self.row is None:
            return
        changes: dict[str, object] = {"problem": problem}
        if not problem:
            changes["succeeded_at"] = datetime.now(UTC)
        try:
            models.Destination.objects.filter(pk=self.row.pk).update(**changes)
        except DatabaseError as error:
            logger.debug("The state of a destination can't be recorded: %s", error)


def find_place(reference: str) -> Place:
    """A destination by its name, or by its URL. Raises UsageError."""
    if "://" in reference:
        config = address.parse(reference, os.environ)
        return Place(name=address.without_secrets(reference), open=lambda: registry.connect(config))
    try:
        row = models.Destination.objects.filter(name=reference).first()
        names = sorted(models.Destination.objects.values_list("name", flat=True))
    except DatabaseError as error:
        raise UsageError(
            f"Destination {reference!r} can't be looked up",
            why=str(error).strip(),
            todo="Give its URL instead: sftp://…, s3://…, file:///… or storage://….",
        ) from error
    if row is None:
        known = f"There are {', '.join(names)}." if names else "Add one on the page, or give a URL."
        raise UsageError(f"There is no destination {reference!r}", todo=known)
    return place_of(row)


def automatic_places() -> list[Place]:
    """Those that get every backup, by name; none where there is no table yet."""
    try:
        return [place_of(row) for row in models.Destination.objects.filter(automatic=True)]
    except DatabaseError:
        return []


def place_of(row: models.Destination) -> Place:
    def connect() -> Destination:
        return registry.connect(config_of(row))

    return Place(name=row.name, open=connect, row=row)


def config_of(row: models.Destination) -> object:
    """The frozen configuration of a row, its secrets unsealed. Raises ConfigurationError."""
    return registry.configure(row.kind, row.options, vault.open_all(row.secrets))
