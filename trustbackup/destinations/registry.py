"""Which kinds of destinations there are: a line for each."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.utils.module_loading import import_string

from trustbackup.destinations.kind import DestinationKind
from trustbackup.exceptions import ConfigurationError, UsageError
from trustbackup.phrases import gettext as _

BUILT_IN = (
    "trustbackup.destinations.folder.KIND",
    "trustbackup.destinations.sftp.KIND",
    "trustbackup.destinations.s3.KIND",
    "trustbackup.destinations.storage.KIND",
)
"""In the order in which they are offered."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,19}", re.ASCII)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*", re.ASCII)


def kinds(more: Sequence[str] = ()) -> dict[str, DestinationKind]:
    """All kinds by name; ``more`` are the dotted paths of the site's own.

    Raises ConfigurationError.
    """
    found: dict[str, DestinationKind] = {}
    schemes: dict[str, str] = {}
    for path in (*BUILT_IN, *more):
        kind = _load(path)
        if kind.name in found or schemes.setdefault(kind.scheme, kind.name) != kind.name:
            raise _wrong(path, _("another kind has its name or the scheme of its addresses"))
        found[kind.name] = kind
    return found


def kind_named(name: str, more: Sequence[str] = ()) -> DestinationKind:
    """Raises UsageError for an unknown one, ConfigurationError."""
    known = kinds(more)
    if name not in known:
        raise UsageError(
            _("There are no destinations of the kind %(kind)r", kind=name),
            todo=_("Known are %(known)s.", known=", ".join(sorted(known))),
        )
    return known[name]


def _load(path: str) -> DestinationKind:
    try:
        kind = import_string(path)
    except ImportError as error:
        raise _wrong(path, str(error)) from error
    if not isinstance(kind, DestinationKind):
        raise _wrong(path, _("it is no DestinationKind"))
    if not (_NAME.fullmatch(kind.name) and _SCHEME.fullmatch(kind.scheme)):
        raise _wrong(path, _("its name or the scheme of its addresses is not valid"))
    return kind


def _wrong(path: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        _("TRUSTBACKUP['DESTINATION_KINDS'] can't use %(path)s", path=path),
        why=why,
        todo=_("Give the dotted paths of DestinationKind objects."),
    )
