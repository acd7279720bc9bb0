"""What the kinds share when they read their addresses."""

from __future__ import annotations

from urllib.parse import SplitResult

from trustbackup.destinations.base import DestinationError
from trustbackup.phrases import gettext as _


def wrong_address(why: str, todo: str) -> DestinationError:
    """The error when an address is not one of this kind."""
    what = _("The destination's address can't be used")
    return DestinationError(what, why=why, todo=todo, permanent=True)


def only_path(url: SplitResult) -> None:
    """Raises DestinationError for an address with a query."""
    if url.query:
        raise wrong_address(
            _("it has a ? in it"), _("Write %3F for it; this kind of address has no options.")
        )
