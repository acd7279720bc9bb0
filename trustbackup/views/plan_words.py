"""What the audit trail says of plans: an action's name, while it goes on, and when it was done."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, pgettext_lazy

PLAN_ACTIONS: dict[str, tuple[Promise, Promise, Promise]] = {
    "add plan": (
        pgettext_lazy("a run", "New plan"),
        gettext_lazy("Adding a plan"),
        gettext_lazy("Added a plan"),
    ),
    "change plan": (
        pgettext_lazy("a run", "Change of a plan"),
        gettext_lazy("Changing a plan"),
        gettext_lazy("Changed a plan"),
    ),
    "switch on plan": (
        pgettext_lazy("a run", "Start of a plan"),
        gettext_lazy("Switching a plan on"),
        gettext_lazy("Switched a plan on"),
    ),
    "switch off plan": (
        pgettext_lazy("a run", "Stop of a plan"),
        gettext_lazy("Switching a plan off"),
        gettext_lazy("Switched a plan off"),
    ),
    "delete plan": (
        pgettext_lazy("a run", "Removal of a plan"),
        gettext_lazy("Deleting a plan"),
        gettext_lazy("Deleted a plan"),
    ),
}
