"""What the page asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from trustbackup.databases.registry import distinct_aliases
from trustbackup.models import Run
from trustbackup.operations.create import LONGEST_NAME, MAKEABLE
from trustbackup.store.compression import COMPRESSIONS
from trustbackup.views import words

STATES = [
    ("", _("any state")),
    ("complete", _("complete")),
    ("unverified", _("unverified")),
    ("damaged", _("damaged")),
    ("unreadable", _("unreadable")),
]


class CreateForm(forms.Form):
    """What to back up now."""

    type = forms.ChoiceField(label=pgettext_lazy("a list", "Type"), required=False)
    name = forms.CharField(label=_("Name"), max_length=LONGEST_NAME, required=False)
    databases = forms.MultipleChoiceField(
        label=_("Databases"), required=False, widget=forms.CheckboxSelectMultiple
    )
    compression = forms.ChoiceField(
        label=_("Compression"),
        choices=[
            (name, pgettext_lazy("compression", "none") if name == "none" else name)
            for name in COMPRESSIONS
        ],
        required=False,
    )
    keep = forms.BooleanField(label=_("Keep it until I release it"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        aliases = distinct_aliases()
        self.fields["type"].choices = [(kind, words.kind(kind)) for kind in MAKEABLE]  # type: ignore[attr-defined]
        self.fields["databases"].choices = [(alias, alias) for alias in aliases]  # type: ignore[attr-defined]
        self.fields["databases"].initial = aliases

    def options(self) -> dict[str, Any]:
        """The keyword arguments of ``create_backup``."""
        data = self.cleaned_data
        return {
            "kind": data["type"] or MAKEABLE[0],
            "name": data["name"],
            "databases": data["databases"],
            "compression": data["compression"],
            "keep": data["keep"],
        }


class FilterForm(forms.Form):
    """What to show of the list; whatever makes no sense is left out.

    Nothing asks for what is the same for all: the kind where ``kinds`` has one only, the
    database where the site has one only.
    """

    text = forms.CharField(
        label=pgettext_lazy("a list", "Search"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    state = forms.ChoiceField(label=_("State"), choices=STATES, required=False)
    kind = forms.ChoiceField(label=pgettext_lazy("a list", "Type"), required=False)
    database = forms.ChoiceField(label=_("Database"), required=False)
    since = forms.DateField(
        label=pgettext_lazy("a date", "From"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    until = forms.DateField(
        label=pgettext_lazy("a date", "To"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def __init__(self, kinds: Sequence[str], *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        aliases = [(alias, alias) for alias in distinct_aliases()]
        named = [(kind, words.kind(kind)) for kind in kinds]
        self._offer("kind", _("any type"), named)
        self._offer("database", _("any database"), aliases)

    def _offer(self, name: str, anything: Any, choices: Sequence[tuple[str, str]]) -> None:  # noqa: ANN401
        if len(choices) < 2:
            del self.fields[name]
        else:
            self.fields[name].choices = [("", anything), *choices]  # type: ignore[attr-defined]


class ActivityForm(forms.Form):
    """What to show of the runs."""

    verb = forms.ChoiceField(label=_("What"), required=False)
    state = forms.ChoiceField(
        label=_("State"), choices=[("", _("any state")), *Run.State.choices], required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        verbs = sorted((str(verb.noun), name) for name, verb in words.VERBS.items())
        choices = [(name, noun) for noun, name in verbs]
        self.fields["verb"].choices = [("", _("everything")), *choices]  # type: ignore[attr-defined]


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
