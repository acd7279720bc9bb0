"""What runs and the audit trail do with notifications: a name, while it goes on, when done.

And what a notification can hear of, as its form says it.
"""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, pgettext_lazy

from trustbackup.events import EventKind
from trustbackup.models.notification import KIND_LABELS

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

EVENT_LABELS: dict[EventKind, str | Promise] = {
    EventKind.STARTED: gettext_lazy("A run begins"),
    EventKind.SUCCESS: gettext_lazy("A run went well"),
    EventKind.PARTIAL: gettext_lazy("A run did only a part of its work"),
    EventKind.FAILURE: gettext_lazy("A run failed"),
    EventKind.PROOF_FAILED: gettext_lazy("A backup proved not to be good"),
    EventKind.PRUNING_FAILED: gettext_lazy("Old backups could not be deleted"),
    EventKind.LATE: gettext_lazy("A backup, a proof or a copy is late"),
    EventKind.RECOVERED: gettext_lazy("What was late or failed is well again"),
    EventKind.ANOMALY: gettext_lazy("A backup differs oddly from those before it"),
    EventKind.DISK_LOW: gettext_lazy("A place for backups will be full soon"),
    EventKind.DIGEST: gettext_lazy("The week in a few sentences"),
}
"""Each kind of event that somebody can ask to hear of, as a form offers it."""


def event_kind(word: str) -> str:
    """What a message is about; a kind that is not known here is its word."""
    known = {str(kind): label for kind, label in KIND_LABELS.items()}
    return str(known.get(word, word))
