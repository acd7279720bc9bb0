"""What the page asks for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from trustbackup.databases.registry import distinct_aliases
from trustbackup.operations.create import LONGEST_NAME
from trustbackup.store.compression import COMPRESSIONS

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


class RestoreForm(forms.Form):
    """The last step before a restore: which way, the database's name, the password again."""

    strategy = forms.ChoiceField(
        label=_("Strategy"),
        required=False,
        choices=[
            ("", _("the best one here")),
            ("swap", _("swap: build it beside the live one, then change places")),
            ("in place", _("in place: one transaction in the live one")),
        ],
    )
    migrate = forms.BooleanField(label=_("Run newer migrations on it"), required=False)
    typed = forms.CharField(label=_("The database's name"), max_length=200)
    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, expected: str, user: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self.expected, self.user = expected, user

    def clean_typed(self) -> str:
        if self.cleaned_data["typed"] != self.expected:
            raise forms.ValidationError(_("This is not the name of the database."))
        return self.expected

    def clean_password(self) -> str:
        if not self.user.check_password(self.cleaned_data["password"]):
            raise forms.ValidationError(_("This is not your password."))
        return ""
