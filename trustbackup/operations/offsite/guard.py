"""Where copies may lie on this machine: the one guard of forms, tests and copies."""

from __future__ import annotations

from trustbackup.destinations.base import DestinationBackend, DestinationError
from trustbackup.operations.context import Context
from trustbackup.phrases import gettext as _
from trustbackup.store.location import exposures


def must_be_private(destination: DestinationBackend) -> None:
    """Raises DestinationError for a folder that visitors see, or that is lost with the backups."""
    folder = destination.local_folder
    if folder is None:
        return
    place, root = folder.resolve(), Context.current().settings.backup_dir.resolve()
    if place.is_relative_to(root):
        raise DestinationError(
            _("%(address)s can't keep copies", address=destination.address),
            why=_("this is in the backup folder itself: a copy there would be lost with it"),
            todo=_("Choose a folder on another disk."),
            permanent=True,
        )
    for problem in exposures(place):
        raise DestinationError(
            _("%(address)s can't keep copies", address=destination.address),
            why=problem.what,
            todo=problem.todo,
            permanent=True,
        )
