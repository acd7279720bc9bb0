"""What is done with the keys that backups are encrypted to: a name, while it goes on, when done."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, pgettext_lazy

KEY_ACTIONS: dict[str, tuple[Promise, Promise, Promise]] = {
    "prove key": (
        pgettext_lazy("a run", "Key proof"),
        gettext_lazy("Trying an identity"),
        gettext_lazy("Tried an identity"),
    ),
    "make key": (
        pgettext_lazy("a run", "New key"),
        gettext_lazy("Making a key"),
        gettext_lazy("Made a key"),
    ),
    "add key": (
        pgettext_lazy("a run", "New key"),
        gettext_lazy("Adding a key"),
        gettext_lazy("Added a key"),
    ),
    "retire key": (
        pgettext_lazy("a run", "End of a key"),
        gettext_lazy("Retiring a key"),
        gettext_lazy("Retired a key"),
    ),
}
