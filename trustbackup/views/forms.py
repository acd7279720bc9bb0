"""What the page asks for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from trustbackup.databases.registry import distinct_aliases
from trustbackup.operations.create import LONGEST_NAME
from trustbackup.store.streams import COMPRESSIONS

STATES = [
    ("", _("any state")),
    ("complete", _("complete")),
    ("unverified", _("unverified")),
    ("damaged", _("damaged")),
    ("unreadable", _("unreadable")),
]


class CreateForm(forms.Form):
    """What to back up now."""

    name = forms.CharField(label=_("Name"), max_length=LONGEST_NAME, required=False)
    databases = forms.MultipleChoiceField(
        label=_("Databases"), required=False, widget=forms.CheckboxSelectMultiple
    )
    compression = forms.ChoiceField(
        label=_("Compression"), choices=[(name, name) for name in COMPRESSIONS], required=False
    )
    keep = forms.BooleanField(label=_("Keep it until I release it"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        aliases = distinct_aliases()
        self.fields["databases"].choices = [(alias, alias) for alias in aliases]  # type: ignore[attr-defined]
        self.fields["databases"].initial = aliases

    def options(self) -> dict[str, Any]:
        """The keyword arguments of ``create_backup``."""
        data = self.cleaned_data
        return {
            "name": data["name"],
            "databases": data["databases"],
            "compression": data["compression"],
            "keep": data["keep"],
        }


class FilterForm(forms.Form):
    """What to show of the list; whatever makes no sense is left out."""

    text = forms.CharField(label=_("Search"), required=False, max_length=200)
    state = forms.ChoiceField(label=_("State"), choices=STATES, required=False)
    database = forms.ChoiceField(label=_("Database"), required=False)
    since = forms.DateField(
        label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    until = forms.DateField(
        label=_("To"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        aliases = [(alias, alias) for alias in distinct_aliases()]
        self.fields["database"].choices = [("", _("any database")), *aliases]  # type: ignore[attr-defined]
