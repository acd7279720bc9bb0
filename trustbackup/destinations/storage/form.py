"""What a Django storage is asked for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from trustbackup.destinations.form import ConfigurationForm, text


class StorageForm(ConfigurationForm):
    """Any storage of Django's ``STORAGES``."""

    alias = forms.ChoiceField(
        label=_("Storage"),
        help_text=_(
            "An alias of STORAGES in the site's settings. Take none whose files the web server "
            "shows to visitors."
        ),
    )
    folder = text(_("Folder"), help_text=_("In that storage."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        aliases = [alias for alias in settings.STORAGES if alias != "staticfiles"]
        self.fields["alias"].choices = [(alias, alias) for alias in aliases]  # type: ignore[attr-defined]
