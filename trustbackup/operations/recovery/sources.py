"""Where copies are and which secrets lead there, without the secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db import connections

from trustbackup.databases.registry import distinct_aliases
from trustbackup.destinations.kind import DestinationKind
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Destination
from trustbackup.operations.context import Context
from trustbackup.operations.offsite.targets import address_of, kinds, open_secrets
from trustbackup.phrases import gettext as _
from trustbackup.vault import is_reference


@dataclass(frozen=True, kw_only=True)
class NamedSecret:
    """``name`` is the environment variable or the setting; ``stored_at`` says where it is kept, and
    is "" where nobody said so."""

    name: str
    use: str
    stored_at: str = ""


@dataclass(frozen=True, kw_only=True)
class RecoverySource:
    """A destination as its address, which ``--from`` takes."""

    name: str
    kind: str
    url: str
    settings: tuple[tuple[str, str], ...] = ()
    """Variables that are no secret, and their values: a server's public key."""
    secrets: tuple[NamedSecret, ...] = ()


def places_of(context: Context) -> Iterator[RecoverySource]:
    """Every destination that is set up, by its name. Raises DatabaseError."""
    known = kinds()
    for row in Destination.objects.order_by("name"):
        kind = known.get(row.kind)
        url = address_of(row)
        if kind is not None and url:
            yield RecoverySource(
                name=row.name,
                kind=row.kind,
                url=url,
                settings=tuple(_settings(kind, row)),
                secrets=tuple(_secrets(context, kind, row)),
            )


def _settings(kind: DestinationKind, row: Destination) -> Iterator[tuple[str, str]]:
    for field, variable in kind.variables.items():
        value = str(row.options.get(field) or "")
        # What belongs to a secret, as an access key does, is as well kept with it.
        if value and field not in kind.secrets and field != "access_key":
            yield variable, value


def _secrets(context: Context, kind: DestinationKind, row: Destination) -> Iterator[NamedSecret]:
    try:
        held = open_secrets(row)
    except TrustbackupError:
        held = dict.fromkeys(kind.secrets, "")
    if row.options.get("access_key"):
        held = {"access_key": str(row.options["access_key"]), **held}
    for field in held:
        name = kind.variables.get(field) or f"{row.name}: {field}"
        yield NamedSecret(
            name=name,
            use=f"{row.name}: {field}",
            stored_at=_stored_at(context, name, held[field]),
        )


def _stored_at(context: Context, name: str, stored: str) -> str:
    """What the settings say, else where the destination itself takes it from."""
    if said := context.settings.secrets_kept.get(name):
        return said
    return stored if is_reference(stored) else ""


def secrets_of_site(context: Context, places: Iterable[RecoverySource]) -> Iterator[NamedSecret]:
    """Those of the site itself, then those of its destinations, then what else the settings
    name; each once."""
    settings = context.settings
    seen = {"SECRET_KEY"}
    yield NamedSecret(
        name="SECRET_KEY",
        use=_("signatures, sealed secrets"),
        stored_at=settings.secrets_kept.get("SECRET_KEY", ""),
    )
    for alias in distinct_aliases(settings.databases, None, settings.database_engines):
        if connections[alias].settings_dict.get("PASSWORD"):
            name = f"DATABASES[{alias!r}]['PASSWORD']"
            seen.add(name)
            role = str(connections[alias].settings_dict["USER"])
            yield NamedSecret(name=name, use=role, stored_at=settings.secrets_kept.get(name, ""))
    for place in places:
        for secret in place.secrets:
            if secret.name not in seen:
                seen.add(secret.name)
                yield secret
    for name, where in settings.secrets_kept.items():
        if name not in seen:
            yield NamedSecret(name=name, use="", stored_at=where)
