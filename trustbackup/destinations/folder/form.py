"""What a folder is asked for."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from trustbackup.destinations.form import ConfigurationForm, text


class FolderForm(ConfigurationForm):
    """Another disk or mount."""

    path = text(
        _("Folder"),
        required=True,
        help_text=_(
            "The whole path on another disk. Its last part is made, the disk must be there."
        ),
    )

    def clean_path(self) -> str:
        path: str = self.cleaned_data["path"]
        if not path.startswith("/"):
            raise forms.ValidationError(gettext("Give the whole path, beginning with a slash."))
        return path
