"""What the page asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from trustbackup.conf import get_settings
from trustbackup.contents.app_data.formats import FixtureOptions
from trustbackup.contents.app_data.row_set import SETTINGS
from trustbackup.databases.registry import offered_aliases
from trustbackup.databases.values import Options
from trustbackup.exceptions import UsageError
from trustbackup.models import Backup, Run
from trustbackup.operations.backup.app_data import (
    APP,
    database_of,
    offered_apps,
    offered_formats,
)
from trustbackup.operations.backup.kinds import LONGEST_NAME, MAKEABLE
from trustbackup.operations.backup.media import MEDIA_KIND
from trustbackup.operations.restore.media_files import Overwrite
from trustbackup.policy.plan import OF_FILES
from trustbackup.store.compression import COMPRESSIONS
from trustbackup.views import labels
from trustbackup.views.confirmation import ConfirmForm

STATES = [("", _("any state")), *Backup.State.choices]


def _aliases() -> list[str]:
    settings = get_settings()
    return offered_aliases(Options(connect_timeout=2), settings.database_engines)


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
    app = forms.ChoiceField(label=pgettext_lazy("of Django", "App"), required=False)
    format = forms.ChoiceField(label=_("Format"), required=False)
    incremental = forms.BooleanField(
        label=_("Uploaded files as objects, which backups share: only what has changed is written"),
        required=False,
    )
    keep = forms.BooleanField(label=_("Protect it until I release it"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        aliases = _aliases()
        self.fields["type"].choices = [(kind, labels.kind(kind)) for kind in (*MAKEABLE, APP)]  # type: ignore[attr-defined]
        self.fields["databases"].choices = [(alias, alias) for alias in aliases]  # type: ignore[attr-defined]
        self.fields["databases"].initial = aliases
        named = [(label, f"{name} ({label})") for label, name in offered_apps()]
        self.fields["app"].choices = [("", _("choose one")), *named]  # type: ignore[attr-defined]
        self.fields["format"].choices = [(each, each) for each in offered_formats()]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("type") != APP and data.get("app"):
            raise forms.ValidationError(
                _("An app is chosen, and the type is another: change the type, or choose no app.")
            )
        if data.get("type") == APP and "app" in data:
            if not data["app"]:
                raise forms.ValidationError(_("Choose the app whose data is to be backed up."))
            try:
                data["databases"] = [database_of(data["app"])]
            except UsageError as error:
                raise forms.ValidationError(labels.translate(error)) from error
        return data

    def options(self) -> dict[str, Any]:
        """What a run is asked for: of ``create_backup``, with the app by its label."""
        data = self.cleaned_data
        if data["type"] == APP:
            chosen = data["format"] or FixtureOptions.format
            return {**self._common(APP), "app": {"label": data["app"], "format": chosen}}
        return self._common(data["type"] or MAKEABLE[0])

    def _common(self, kind: str) -> dict[str, Any]:
        data = self.cleaned_data
        return {
            "kind": kind,
            "name": data["name"],
            # Which database holds the settings is the router's to say.
            "databases": [] if data["type"] in (MEDIA_KIND, SETTINGS) else data["databases"],
            "compression": data["compression"],
            "incremental": data["incremental"] and kind in OF_FILES,
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
        aliases = [(alias, alias) for alias in _aliases()]
        named = [(kind, labels.kind(kind)) for kind in kinds]
        self._offer("kind", _("any type"), named)
        self._offer("database", _("any database"), aliases)

    def _offer(self, name: str, anything: Any, choices: Sequence[tuple[str, str]]) -> None:  # noqa: ANN401
        if len(choices) < 2:
            del self.fields[name]
        else:
            self.fields[name].choices = [("", anything), *choices]  # type: ignore[attr-defined]


class FilesForm(forms.Form):
    """What to show of a backup's uploaded files."""

    text = forms.CharField(
        label=_("Search in this folder"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search"}),
    )


class ActivityForm(forms.Form):
    """What to show of the runs."""

    verb = forms.ChoiceField(label=_("What"), required=False)
    """An action; addresses have called it so from the start, and stay."""
    state = forms.ChoiceField(
        label=_("State"), choices=[("", _("any state")), *Run.State.choices], required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        actions = sorted((str(action.noun), name) for name, action in labels.ACTIONS.items())
        choices = [(name, noun) for noun, name in actions]
        self.fields["verb"].choices = [("", _("everything")), *choices]  # type: ignore[attr-defined]


class RestoreForm(ConfirmForm):
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


class AppRestoreForm(ConfirmForm):
    """The last step before rows are put back: the app's name, or a word for the settings, and the
    password again."""

    def __init__(self, *args: Any, of_settings: bool = False, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self.of_settings = of_settings
        self.fields["typed"].label = _("The word") if self.of_settings else _("The app's name")

    def clean_typed(self) -> str:
        if self.cleaned_data["typed"].strip() != self.expected:
            raise forms.ValidationError(
                _("This is not the word.")
                if self.of_settings
                else _("This is not the name of the app.")
            )
        return self.expected


class PutBackForm(ConfirmForm):
    """The last step before single files are put back: what becomes of those that are there, and
    the password again. What is replaced stays beside the folder, so no name is to be typed."""

    overwrite = forms.ChoiceField(
        label=_("A file that is there"),
        widget=forms.RadioSelect,
        initial=Overwrite.CHANGED,
        choices=[
            (Overwrite.CHANGED, _("is replaced when it has changed")),
            (Overwrite.OLDER, _("is replaced unless it is newer")),
            (Overwrite.ALWAYS, _("is replaced always")),
            (Overwrite.NEVER, _("stays")),
        ],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        del self.fields["typed"]
