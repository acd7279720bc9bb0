"""Destinations as URLs without secrets; the secrets come from the environment.

    sftp://user@host:22/folder       a folder in the one where a session begins
    sftp://user@host//srv/folder     an absolute one
    s3://bucket/prefix?endpoint=https://host&region=eu-central-1
    file:///mnt/disk/folder
    storage://alias/folder           an alias of STORAGES

Each kind reads its own; the way back is the ``address`` of its configuration.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

from trustbackup.destinations.base import DestinationBackend
from trustbackup.destinations.kind import DestinationKind
from trustbackup.destinations.registry import kinds
from trustbackup.destinations.url import wrong_address
from trustbackup.phrases import gettext as _

_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]")


def is_address(text: str) -> bool:
    """Whether a text is a URL, and no name of a destination."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/", text) is not None


def destination_at(
    address: str,
    environ: Mapping[str, str] | None = None,
    allowed_hosts: tuple[str, ...] = (),
    more: Sequence[str] = (),
) -> DestinationBackend:
    """The destination at an address. Raises as ``parse``."""
    kind, config = parse(address, environ, allowed_hosts, more)
    return kind.open(config)


def parse(
    address: str,
    environ: Mapping[str, str] | None = None,
    allowed_hosts: tuple[str, ...] = (),
    more: Sequence[str] = (),
) -> tuple[DestinationKind, Any]:
    """The kind and the configuration; ``environ`` is the process's unless another is given.

    ``more`` are the site's own kinds. Raises DestinationError, whose text never repeats a
    password, SecretError, and ConfigurationError.
    """
    environ = os.environ if environ is None else environ
    by_scheme = {kind.scheme: kind for kind in kinds(more).values()}
    url, has_password = _split(address)
    kind = by_scheme.get(url.scheme)
    if has_password or (url.username is not None and not (kind and kind.user_in_url)):
        variable = kind.password_variable if kind else ""
        raise wrong_address(
            _("it has a password or key in it, which logs and other users would see"),
            _(
                "Remove it, change it, and set the new one in %(variable)s.",
                variable=variable,
            )
            if variable
            else _("Remove it, change it, and give the new one in the environment."),
        )
    if url.fragment:
        raise wrong_address(_("it has a # in it"), _("Write %23 for it."))
    if kind is None:
        begins = ", ".join(f"{scheme}://" for scheme in by_scheme)
        raise wrong_address(
            _("%(scheme)r is no kind of destination", scheme=url.scheme)
            if url.scheme
            else _("it is no URL"),
            _("Begin with one of these: %(begins)s.", begins=begins),
        )
    return kind, kind.read_url(url, environ, allowed_hosts)


def _split(address: str) -> tuple[SplitResult, bool]:
    """The parts of an address, and whether it has a password in it."""
    if _CONTROL.search(address):
        raise wrong_address(
            _("it has a space or a control character in it"), _("Write %20 for a space.")
        )
    try:
        url = urlsplit(address)
        has_password = url.password is not None
        _port = url.port
    except ValueError:
        # No "from": Python's own text repeats what stands in place of the port.
        raise wrong_address(
            _("its host or port is not valid"),
            _("Ports go from 1 to 65535; IPv6 is written [::1]."),
        ) from None
    return url, has_password
