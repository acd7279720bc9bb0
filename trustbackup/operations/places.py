"""Which destination a name or a URL means, and those that the site has set up."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, router

from trustbackup import models
from trustbackup.databases.alias import for_a_note
from trustbackup.destinations import address
from trustbackup.destinations.base import Destination
from trustbackup.destinations.registry import new_destination
from trustbackup.destinations.settings import configure
from trustbackup.exceptions import TrustbackupError, UsageError
from trustbackup.operations.site import Site
from trustbackup.phrases import gettext as _
from trustbackup.phrases import one_line
from trustbackup.store import catalog
from trustbackup.vault import Vault

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A destination that somebody named; ``row`` is None when it was a URL."""

    name: str
    open: Callable[[], Destination]
    """Connects when first used. Raises DestinationError, SecretError."""
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
    """A destination by its name, or by its URL. Raises UsageError, DestinationError."""
    hosts = Site.current().settings.allowed_hosts
    if address.is_address(reference):
        destination = address.destination_at(reference, allowed_hosts=hosts)
        return Place(name=destination.address, open=lambda: destination)
    try:
        rows = {row.name: row for row in models.Destination.objects.all()}
    except (DatabaseError, ImproperlyConfigured) as error:
        raise UsageError(
            _("Destination %(name)r can't be looked up", name=reference),
            why=one_line(str(error)),
            todo=_("Give its URL: sftp://…, s3://…, file:///… or storage://…."),
        ) from error
    if reference not in rows:
        todo = _("Add one on the page, or give a URL.")
        if rows:
            todo = _("There are %(names)s.", names=", ".join(rows))
        raise UsageError(_("There is no destination %(name)r", name=reference), todo=todo)
    return place_of(rows[reference])


def all_places(*, automatic_only: bool = False) -> list[Place]:
    """Those that are set up, by name; none where there is no table yet, or no database.

    Never waits long for a locked or silent database: it may be the one to be backed up.
    """
    using = router.db_for_read(models.Destination)
    try:
        if not catalog.may_connect(using):
            return []
        with for_a_note(using):
            rows = list(models.Destination.objects.using(using))
    except (DatabaseError, ImproperlyConfigured):
        return []
    return [place_of(row) for row in rows if row.automatic or not automatic_only]


def place_of(row: models.Destination) -> Place:
    return Place(
        name=row.name,
        open=lambda: connect(row.kind, row.options, open_secrets(row)),
        row=row,
    )


def connect(kind: str, options: Mapping[str, object], secrets: Mapping[str, str]) -> Destination:
    """A destination that need not be saved. Raises DestinationError, SecretError, UsageError."""
    hosts = Site.current().settings.allowed_hosts
    return new_destination(kind, configure(kind, options, secrets, allowed_hosts=hosts))


def address_of(row: models.Destination) -> str:
    """Where it is, without secrets; "" for one that is not set up."""
    if not row.options:
        return ""
    options = {name: value for name, value in row.options.items() if name != "access_key"}
    try:
        return connect(row.kind, options, {}).address
    except TrustbackupError:
        return ""


def open_secrets(row: models.Destination) -> dict[str, str]:
    """Field → secret, or where it is (``env:``, ``file:``). Raises SecretError."""
    return unseal_secrets(row.secrets)


def unseal_secrets(sealed: str) -> dict[str, str]:
    """What ``seal_secrets`` was given. Raises SecretError."""
    if not sealed:
        return {}
    found: dict[str, str] = json.loads(_vault().unseal(sealed))
    return found


def seal_secrets(secrets: Mapping[str, str]) -> str:
    """What may be saved; "" for none."""
    kept = {name: text for name, text in secrets.items() if text}
    return _vault().seal(json.dumps(kept)) if kept else ""


def _vault() -> Vault:
    return Vault(Site.current().settings.secret_keys)
