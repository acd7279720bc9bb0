"""The members of a manifest, strictly: each is there and of its type, and none is unknown.

Pure, as the manifest is.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from trustbackup.exceptions import ManifestError
from trustbackup.phrases import gettext as _
from trustbackup.store import names

_TYPES = {"str": str, "int": int}


@functools.cache
def _fields(cls: type) -> dict[str, type | None]:
    """The members and their types; None where a function of its own looks at them."""
    return {item.name: _TYPES.get(str(item.type)) for item in dataclasses.fields(cls)}


def members_of(document: object, cls: type, where: str) -> dict[str, Any]:
    """The members of a dataclass: each there, of its type, none unknown. ManifestError."""
    if not isinstance(document, dict):
        raise invalid(_("%(where)s is not an object", where=where))
    fields = _fields(cls)
    if document.keys() != fields.keys():
        raise _other_members(document, fields, where)
    for name, wanted in fields.items():
        value = document[name]
        # A bool is an int to isinstance().
        if wanted is not None and type(value) is not wanted:
            raise invalid(
                _("%(member)r of %(where)s is not a text", member=name, where=where)
                if wanted is str
                else _("%(member)r of %(where)s is not a number", member=name, where=where)
            )
        if wanted is int and value < 0:
            raise invalid(_("%(member)r of %(where)s is below 0", member=name, where=where))
    return dict(document)


def _other_members(
    document: Mapping[str, Any], fields: Mapping[str, Any], where: str
) -> ManifestError:
    if unknown := document.keys() - fields.keys():
        member = min(unknown)
        return invalid(_("%(where)s has an unknown member %(member)r", where=where, member=member))
    member = min(fields.keys() - document.keys())
    return invalid(_("%(where)s has no %(member)r", where=where, member=member))


def list_of(value: object, where: str) -> list[object]:
    """Raises ManifestError for anything but a list."""
    if not isinstance(value, list):
        raise invalid(_("%(member)r is not a list", member=where))
    return value


def list_of_texts(value: object, where: str) -> tuple[str, ...]:
    """Raises ManifestError for anything but a list of texts."""
    found = list_of(value, where)
    if not all(isinstance(item, str) for item in found):
        raise invalid(_("%(member)r is not a list of texts", member=where))
    return tuple(str(item) for item in found)


def texts_of(value: object, where: str) -> dict[str, str]:
    """Raises ManifestError for anything but an object of texts."""
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise invalid(_("%(member)r is not an object of texts", member=where))
    return value


def pair_of(value: object) -> tuple[str, str]:
    """Raises ManifestError for anything but a list of two texts."""
    match value:
        case [str() as app, str() as name]:
            return app, name
    raise invalid(_("a migration is not a pair of texts"))


def time_of(value: object, where: str) -> datetime:
    """A time of a backup, in UTC. Raises ManifestError for any other."""
    try:
        moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            raise invalid(_("%(member)r has no time zone", member=where))
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise invalid(_("%(member)r is no time", member=where)) from None
    if not names.EARLIEST <= moment < names.LATEST:
        raise invalid(_("%(member)r is no time of a backup", member=where))
    return moment


def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For ``json.loads(object_pairs_hook=)``. Raises ValueError for a member that comes twice."""
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError(_("a member appears twice"))
    return document


def invalid(why: str) -> ManifestError:
    """The error that a manifest is not valid."""
    return ManifestError(
        _("The manifest is not valid"), why=why, todo=_("Use another copy of this backup.")
    )
