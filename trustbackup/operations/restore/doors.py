"""From where a restore or an undo may be started here: ``TRUSTBACKUP["RESTORE"]``."""

from __future__ import annotations

from trustbackup.conf import get_settings
from trustbackup.conf.values import RESTORE_DOORS
from trustbackup.exceptions import UsageError
from trustbackup.phrases import gettext as _

PAGE, API, COMMAND = RESTORE_DOORS


def closed_because(door: str) -> UsageError | None:
    """Why nothing is restored from there; None where it may be. Raises ConfigurationError."""
    allowed = get_settings().restore
    if door in allowed:
        return None
    todo = _("It has to be done in another way (%(doors)s).", doors=", ".join(allowed))
    return UsageError(
        _("Nothing is restored or undone from here"),
        why=_("TRUSTBACKUP['RESTORE'] does not name %(door)r", door=door),
        todo=todo if allowed else _("Change that setting first."),
    )


def check_door(door: str) -> None:
    """Raises UsageError, ConfigurationError."""
    if (reason := closed_because(door)) is not None:
        raise reason
