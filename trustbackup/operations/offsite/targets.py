"""Which destination a name or a URL means, and those that the site has set up."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, router
from django.views.decorators.debug import sensitive_variables

from trustbackup import models
from trustbackup.databases.alias import for_a_note
from trustbackup.destinations import address, registry
from trustbackup.destinations.base import DestinationBackend, DestinationError
from trustbackup.destinations.kind import DestinationKind
from trustbackup.exceptions import TrustbackupError, UsageError
from trustbackup.operations.context import Context
from trustbackup.phrases import gettext as _
from trustbackup.phrases import one_line
from trustbackup.sealing import unseal_secrets
from trustbackup.store.index_access import may_connect

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class DestinationRef:
    """A destination that somebody named; ``row`` is None when it was a URL."""

    name: str
    open: Callable[[], DestinationBackend]
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


def find_destination(reference: str) -> DestinationRef:
    """A destination by its name, or by its URL. Raises UsageError, DestinationError."""
    settings = Context.current().settings
    if address.is_address(reference):
        destination = address.destination_at(
            reference, allowed_hosts=settings.destination_hosts, more=settings.destination_kinds
        )
        return DestinationRef(name=destination.address, open=lambda: destination)
    try:
        rows = {row.name: row for row in models.Destination.objects.all()}
    except (DatabaseError, ImproperlyConfigured) as error:
        raise UsageError(
            _("Destination %(name)r can't be looked up", name=reference),
            why=one_line(str(error)),
            todo=_("Give its URL."),
        ) from error
    if reference not in rows:
        todo = _("Add one on the page, or give a URL.")
        if rows:
            todo = _("There are %(names)s.", names=", ".join(rows))
        raise UsageError(_("There is no destination %(name)r", name=reference), todo=todo)
    return ref_of(rows[reference])


def all_destinations(*, automatic_only: bool = False) -> list[DestinationRef]:
    """Those that are set up, by name; none where there is no table yet, or no database.

    Never waits long for a locked or silent database: it may be the one to be backed up.
    """
    using = router.db_for_read(models.Destination)
    try:
        if not may_connect(using):
            return []
        with for_a_note(using):
            rows = list(models.Destination.objects.using(using))
    except (DatabaseError, ImproperlyConfigured):
        return []
    return [ref_of(row) for row in rows if row.automatic or not automatic_only]


def ref_of(row: models.Destination) -> DestinationRef:
    return DestinationRef(
        name=row.name,
        open=lambda: connect(row.kind, row.options, open_secrets(row)),
        row=row,
    )


def kinds() -> dict[str, DestinationKind]:
    """The kinds that this site knows, by name. Raises ConfigurationError."""
    return registry.kinds(Context.current().settings.destination_kinds)


@sensitive_variables()
def connect(
    kind: str, options: Mapping[str, object], secrets: Mapping[str, str]
) -> DestinationBackend:
    """A destination that need not be saved. Raises DestinationError, SecretError, UsageError."""
    settings = Context.current().settings
    known = registry.kind_named(kind, settings.destination_kinds)
    config = known.configure(options, secrets, allowed_hosts=settings.destination_hosts)
    # "env:SECRET_KEY", say, and the address of somebody who would like to know it.
    if any(getattr(config, name, "") in settings.secret_keys for name in known.secrets):
        raise DestinationError(
            _("The destination can't be used"),
            why=_("its secret is one of the site's own secret keys"),
            todo=_("Give it a secret of its own."),
            permanent=True,
        )
    return known.open(config)


def address_of(row: models.Destination) -> str:
    """Where it is, without secrets; "" for one that is not set up."""
    if not row.options:
        return ""
    options = {name: value for name, value in row.options.items() if name != "access_key"}
    try:
        kind = registry.kind_named(row.kind, Context.current().settings.destination_kinds)
        return kind.to_url(kind.configure(options, {}))
    except TrustbackupError:
        return ""


@sensitive_variables()
def open_secrets(row: models.Destination) -> dict[str, str]:
    """Field → secret, or where it is (``env:``, ``file:``). Raises SecretError."""
    return unseal_secrets(row.secrets)
