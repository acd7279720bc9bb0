"""What the page calls a restore of a backup that was made before a change."""

from __future__ import annotations

from django.utils.translation import gettext as _

from trustbackup.models import Backup


def way_back(backup: Backup) -> str:
    """ "Go back to before this deploy…", as its name says before what it was made.

    "" of any other backup, and of one that can't be restored.
    """
    if backup.trigger != "before" or backup.state not in Backup.WHOLE:
        return ""
    change = backup.name.removeprefix("before ").partition(" ")[0]
    if change == "deploy":
        return _("Go back to before this deploy…")
    if change == "migrate":
        return _("Go back to before this migration…")
    return _("Go back to before this change…")
