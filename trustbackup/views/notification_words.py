"""What runs and the audit trail do with notifications: a name, while it goes on, when done."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, pgettext_lazy

NOTIFICATION_ACTIONS: dict[str, tuple[Promise, Promise, Promise]] = {
    "notify": (
        pgettext_lazy("a run", "Messages"),
        gettext_lazy("Sending messages"),
        gettext_lazy("Sent messages"),
    ),
    "add notification": (
        pgettext_lazy("a run", "New notification"),
        gettext_lazy("Adding a notification"),
        gettext_lazy("Added a notification"),
    ),
    "change notification": (
        pgettext_lazy("a run", "Change of a notification"),
        gettext_lazy("Changing a notification"),
        gettext_lazy("Changed a notification"),
    ),
    "test notification": (
        pgettext_lazy("a run", "Test of a notification"),
        gettext_lazy("Testing a notification"),
        gettext_lazy("Tested a notification"),
    ),
    "delete notification": (
        pgettext_lazy("a run", "Removal of a notification"),
        gettext_lazy("Removing a notification"),
        gettext_lazy("Removed a notification"),
    ),
}
