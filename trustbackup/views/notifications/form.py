"""A notification's form: what everyone is asked for, and what a channel is set up by.

Secrets are written only: no page sends one back, stored or just typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from django import forms
from django.conf import settings as django_settings
from django.forms.boundfield import BoundField
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

import trustbackup
from trustbackup.conf import HOOKABLE, get_settings
from trustbackup.events import SELECTABLE
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Route
from trustbackup.notifications.channel import Channel
from trustbackup.notifications.channels.registry import open_channel
from trustbackup.operations.plans.spec import read_plans
from trustbackup.views.labels import run_title, translate
from trustbackup.views.notification_words import EVENT_LABELS

_LONGEST_LINES = 5_000
"""Characters of a field with a name in each line."""


class UnseenLine(forms.TextInput):
    """A line that can be read while it is typed, and is not sent back."""

    def format_value(self, value: Any) -> str:  # noqa: ANN401
        return ""


def _ticks(label: Any, help_text: Any = "", **options: Any) -> forms.MultipleChoiceField:  # noqa: ANN401
    widget = forms.CheckboxSelectMultiple
    return forms.MultipleChoiceField(label=label, help_text=help_text, widget=widget, **options)


def lines_field(label: Any, help_text: Any = "") -> forms.CharField:  # noqa: ANN401
    widget = forms.Textarea({"rows": 3, "spellcheck": "false"})
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=False,
        max_length=_LONGEST_LINES,
        widget=widget,
    )


def address_field(label: Any, help_text: Any) -> forms.CharField:  # noqa: ANN401
    """The address of a service, which is a secret of most of them."""
    widget = UnseenLine({"autocomplete": "off", "spellcheck": "false"})
    return forms.CharField(
        label=label, help_text=help_text, required=False, max_length=2_000, widget=widget
    )


class RouteForm(forms.Form):
    """What all have; after ``is_valid``, ``options`` and ``secrets`` are what a channel takes.

    A secret that is left blank is the one that is ``known`` already.
    """

    channel: ClassVar[type[Channel]]
    makes_secrets: ClassVar[bool] = False
    """Whether a secret can be made here, for the other side to be given."""

    name = forms.SlugField(
        label=_("Name"),
        max_length=50,
        help_text=_("Letters, digits, - and _. Messages and commands know it by this."),
    )
    enabled = forms.BooleanField(label=_("It is on"), required=False)
    events = _ticks(
        _("It hears of"), error_messages={"required": _("Tick at least one: it hears of nothing.")}
    )
    plans = _ticks(
        _("Only of these plans"),
        _("None ticked is every plan, and what belongs to none, such as a disk that fills."),
        required=False,
    )
    actions = _ticks(
        _("Only of these runs"),
        _("None ticked is every run. What is no run, such as being late, comes all the same."),
        required=False,
    )
    language = forms.ChoiceField(label=_("Language"), required=False)

    def __init__(
        self,
        data: Any = None,  # noqa: ANN401
        *,
        row: Route | None = None,
        known: Mapping[str, str] | None = None,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=self._values(row) if initial is None else dict(initial))
        self.row = row
        self.known = dict(known or {})
        self.options: dict[str, Any] = {}
        self.secrets: dict[str, str] = {}
        if row is not None:
            del self.fields["name"]
        self._offer("events", [(str(kind), EVENT_LABELS[kind]) for kind in SELECTABLE])
        self._offer("plans", _plans(row.plans if row else ()))
        self._offer("actions", [(action, run_title(action)) for action in HOOKABLE])
        self._offer("language", _languages(row.language if row else ""))
        for name in self.channel.secret_names:
            if self.known.get(name):
                self.fields[name].widget.attrs["placeholder"] = gettext(
                    "set; leave blank to keep it"
                )

    @classmethod
    def _values(cls, row: Route | None) -> dict[str, Any]:
        """What it begins with."""
        if row is None:
            usual = cls.channel
            events, actions = [*usual.usual_events], [*usual.usual_actions]
            return {"enabled": True, "events": events, "actions": actions, **cls.shown_options({})}
        names = ("enabled", "events", "plans", "actions", "language")
        saved = {name: getattr(row, name) for name in names}
        return {**saved, **cls.shown_options(row.options)}

    @classmethod
    def shown_options(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """Saved options as the fields show them; of {} what a new one begins with."""
        return dict(options)

    def own_fields(self) -> list[BoundField]:
        """Those of the channel alone."""
        common = RouteForm.base_fields
        return [self[name] for name in self.fields if name not in common]

    def typed(self) -> dict[str, Any]:
        """What was typed, without what nobody but the server may see again."""
        hidden = self.channel.secret_names
        return {
            name: field.widget.value_from_datadict(self.data, self.files, name)
            for name, field in self.fields.items()
            if name not in hidden
        }

    def typed_secrets(self) -> dict[str, str]:
        """The secrets that were typed, and those that were known before."""
        typed = {name: str(self.data.get(name, "")) for name in self.channel.secret_names}
        return {**self.known, **{name: text for name, text in typed.items() if text}}

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name in (get_settings().notifications or {}):
            raise forms.ValidationError(gettext("The settings have a notification of this name."))
        if Route.objects.filter(name=name).exists():
            raise forms.ValidationError(already_there())
        return name

    def clean_plans(self) -> list[str]:
        chosen: list[str] = self.cleaned_data["plans"]
        there = {name for name, _label in _plans(())}
        for name in chosen:
            if name not in there:
                text = gettext("Plan %(name)s is gone: untick it.")
                raise forms.ValidationError(text % {"name": name})
        return chosen

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        super().clean()
        data = self.cleaned_data
        self.secrets = {
            name: data.get(name) or self.known.get(name, "") for name in self.channel.secret_names
        }
        self.options = {name: data.get(name) for name in self.channel.option_names}
        if not self.errors:
            try:
                self.try_out(open_channel(self.channel.name, self.options, self.secrets))
            except TrustbackupError as error:
                self.add_error(None, translate(error))
        return data

    def try_out(self, channel: Any) -> None:  # noqa: ANN401 - a Channel
        """What else must be right, without a connection."""

    def fill(self, row: Route) -> None:
        """Write into a row what a valid form holds, but for its secrets."""
        data = self.cleaned_data
        for name in ("enabled", "events", "plans", "actions", "language"):
            setattr(row, name, data[name])
        row.options = self.options

    def _offer(self, name: str, choices: list[tuple[str, Any]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]


def already_there() -> str:
    return gettext("There is a notification of this name already.")


def _plans(saved: Any) -> list[tuple[str, Any]]:  # noqa: ANN401
    """What there is, and what is named though it is gone: only so can it be unticked."""
    plans = read_plans()
    there = sorted({*plans.problems, *(plan.name for plan in plans.specs)})
    gone = gettext("%(name)s (gone)")
    lost = [(name, gone % {"name": name}) for name in saved if name not in there]
    return [*((name, name) for name in there), *lost]


def _languages(saved: str) -> list[tuple[str, str | Promise]]:
    """Those of the site that the messages are translated into."""
    folder = Path(trustbackup.__file__).parent / "locale"
    translated = {"en", *(path.name for path in folder.iterdir())}
    found: list[tuple[str, str | Promise]] = [("", pgettext_lazy("a language", "the site's"))]
    for code, name in django_settings.LANGUAGES:
        if code.partition("-")[0] in translated or code == saved:
            found.append((code, gettext(name)))
    known = {code for code, _name in found}
    return found if saved in known else [*found, (saved, saved)]
