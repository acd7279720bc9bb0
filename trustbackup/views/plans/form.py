"""What a plan holds, where it goes and how it is proven, as a form asks for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.formats import number_format
from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from trustbackup.conf import get_settings
from trustbackup.contents.app_data.row_set import SETTINGS
from trustbackup.contents.app_data.tables import alias_of
from trustbackup.databases.registry import offered_aliases
from trustbackup.databases.values import Options
from trustbackup.exceptions import TrustbackupError, UsageError
from trustbackup.models import Destination, Plan
from trustbackup.operations.backup.app_data import APP, offered_apps
from trustbackup.operations.backup.full import FULL
from trustbackup.operations.backup.media import MEDIA_KIND
from trustbackup.operations.plans.tables import TableShare, tables_to_leave_out
from trustbackup.policy.plan import DEFAULT_GRACE, KINDS, OF_FILES, PlanSpec
from trustbackup.store.age import read_recipients
from trustbackup.store.compression import COMPRESSIONS
from trustbackup.views import labels

_MOST_TABLES = 200
_LONGEST_TABLE = 130
"""Characters of a table's name with its schema."""
_MOST = 10_000

_OF_TABLES = ("databases", "excluded", "more_excluded", "skip_unchanged")
"""The fields that are of databases."""
_OF_DATABASES = (*_OF_TABLES, "every", "days", "begin", "end")
"""The fields that no plan of rows has."""
_OF_ROWS = (APP, SETTINGS)
_NONE_OF_DATABASES: dict[str, Any] = {
    "archive": False,
    "excluded": [],
    "skip_unchanged": False,
    "drill": {},
}


def _time(label: Any) -> forms.TimeField:  # noqa: ANN401
    widget = forms.TimeInput({"type": "time"}, format="%H:%M")
    return forms.TimeField(label=label, required=False, widget=widget)


def _ticks(label: Any, help_text: Any = "") -> forms.MultipleChoiceField:  # noqa: ANN401
    widget = forms.CheckboxSelectMultiple
    return forms.MultipleChoiceField(
        label=label, required=False, widget=widget, help_text=help_text
    )


class PlanForm(forms.Form):
    """All of a plan but its schedule and its rules of retention."""

    name = forms.SlugField(label=_("Name"), max_length=50, help_text=_("Letters, digits, - and _."))
    enabled = forms.BooleanField(label=_("It runs by itself"), required=False)
    kind = forms.ChoiceField(label=_("It holds"), required=False, widget=forms.RadioSelect)
    app = forms.ChoiceField(label=pgettext_lazy("of Django", "App"), required=False)
    databases = _ticks(_("Databases"), _("None ticked is every database, later ones included."))
    excluded = _ticks(_("Tables whose rows are left out"))
    more_excluded = forms.CharField(
        label=_("Other tables, one in a line"),
        required=False,
        max_length=_MOST_TABLES * _LONGEST_TABLE,
        widget=forms.Textarea({"rows": 2, "spellcheck": "false"}),
    )
    compression = forms.ChoiceField(label=_("Compression"), required=False)
    encrypt_to = forms.CharField(
        label=_("Encrypted to these public keys, one in a line"),
        required=False,
        max_length=4000,
        widget=forms.Textarea({"rows": 2, "spellcheck": "false"}),
    )
    archive = forms.BooleanField(
        label=_("Uploaded files as one archive in each backup, which shares nothing with others"),
        required=False,
    )
    skip_unchanged = forms.BooleanField(
        label=_("Make no backup when nothing changed since the last one"), required=False
    )
    destinations = _ticks(_("Copies to"))
    every = forms.IntegerField(
        label=_("After each so many backups"), min_value=1, max_value=_MOST, required=False
    )
    days = forms.IntegerField(
        label=_("At least once in so many days"), min_value=1, max_value=_MOST, required=False
    )
    begin = _time(_("Only from"))
    end = _time(pgettext_lazy("a time", "To"))
    grace = forms.IntegerField(
        label=_("Late after so many minutes"), min_value=1, max_value=366 * 24 * 60
    )

    def __init__(
        self,
        data: Any = None,  # noqa: ANN401
        *,
        spec: PlanSpec,
        row: Plan | None,
    ) -> None:
        super().__init__(data, initial=_initial(spec, new=row is None))
        self.row, self.spec = row, spec
        self.shares = tables_to_leave_out()
        suggested = [share.name for share in self.shares]
        self._offer("excluded", [(share.name, _share(share)) for share in self.shares])
        more = [name for name in spec.excluded if name not in suggested]
        self.initial["excluded"] = [name for name in spec.excluded if name in suggested]
        self.initial["more_excluded"] = "\n".join(more)
        self._offer("kind", [(kind, labels.kind(kind)) for kind in KINDS])
        apps = {label: f"{name} ({label})" for label, name in offered_apps()}
        self._offer_known("app", {"": gettext("choose one"), **apps}, [spec.app])
        self._known_apps = list(apps)
        settings = get_settings()
        aliases = offered_aliases(Options(connect_timeout=2), settings.database_engines)
        self.known: dict[str, list[str]] = {"databases": list(aliases)}
        places = dict(Destination.objects.values_list("name", "automatic"))
        self.known["destinations"] = list(places)
        self._offer_known("databases", {name: name for name in aliases}, spec.databases)
        self._offer_known(
            "destinations",
            {
                name: gettext("%(name)s (takes every backup)") % {"name": name}
                if automatic
                else name
                for name, automatic in places.items()
            },
            spec.destinations,
        )
        usual = gettext("the site's (%(name)s)") % {"name": settings.compression}
        none = pgettext("compression", "none")
        names = [(name, none if name == "none" else name) for name in COMPRESSIONS]
        self._offer("compression", [("", usual), *names])

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name in get_settings().plans:
            raise forms.ValidationError(gettext("The settings have a plan of this name."))
        own = self.row.name if self.row else ""
        if name != own and Plan.objects.filter(name=name).exists():
            raise forms.ValidationError(gettext("There is a plan of this name already."))
        return name

    def clean_databases(self) -> list[str]:
        return self._still_there(
            "databases",
            gettext_lazy("Database %(name)s is not in the site's settings any more: untick it."),
        )

    def clean_destinations(self) -> list[str]:
        return self._still_there(
            "destinations", gettext_lazy("Destination %(name)s is gone: untick it.")
        )

    def clean_more_excluded(self) -> list[str]:
        lines = [line.strip() for line in self.cleaned_data["more_excluded"].splitlines()]
        names = [name for name in dict.fromkeys(lines) if name]
        if len(names) > _MOST_TABLES:
            text = gettext("Name at most %(number)d tables.")
            raise forms.ValidationError(text % {"number": _MOST_TABLES})
        for name in names:
            if len(name) > _LONGEST_TABLE or not name.isprintable():
                text = gettext("%(name)s is no name of a table.")
                raise forms.ValidationError(text % {"name": ascii(name[:40])})
        return names

    def clean_encrypt_to(self) -> list[str]:
        lines = filter(None, map(str.strip, self.cleaned_data["encrypt_to"].splitlines()))
        try:
            return list(read_recipients(list(lines)))
        except TrustbackupError as error:
            raise forms.ValidationError(labels.translate(error)) from error

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("kind") in _OF_ROWS:
            for name in _OF_DATABASES:  # are not shown then
                self.errors.pop(name, None)
            if data["kind"] == APP:
                self._check_app(data)
            return data
        if data.get("kind") == MEDIA_KIND:
            for name in _OF_TABLES:  # are not shown then
                self.errors.pop(name, None)
        begin, end = data.get("begin"), data.get("end")
        if (begin is None) != (end is None) and not {"begin", "end"} & self.errors.keys():
            self.add_error("end" if end is None else "begin", gettext("Give both times, or none."))
        elif begin is not None and begin == end:
            self.add_error("end", gettext("Give two times that differ."))
        return data

    def _check_app(self, data: dict[str, Any]) -> None:
        label = data.get("app")
        if label is None:
            return
        if not label:
            self.add_error("app", gettext("Choose the app whose data is to be backed up."))
        elif label not in self._known_apps:
            self.add_error("app", gettext("App %(name)s is gone.") % {"name": label})
        else:
            try:
                alias_of(label)
            except UsageError as error:
                self.add_error("app", labels.translate(error))

    @property
    def leaves_out(self) -> bool:
        """Whether rows are left out, or something is wrong with those tables."""
        names = ("excluded", "more_excluded")
        return any(self[name].value() or self[name].errors for name in names)

    def values(self) -> dict[str, Any]:
        """The fields of a plan's row that a valid form is about."""
        data = self.cleaned_data
        of_all = ("name", "enabled", "compression", "encrypt_to", "destinations", "grace")
        found = {name: data[name] for name in of_all}
        if data["kind"] in _OF_ROWS:
            app = data["app"] if data["kind"] == APP else ""
            # Another database is named on the command line.
            same = (self.spec.kind, self.spec.app) == (data["kind"], app)
            of_rows = {"databases": list(self.spec.databases) if same else [], "app": app}
            return {
                **found,
                **_NONE_OF_DATABASES,
                **of_rows,
                "kind": data["kind"],
            }
        window = [f"{data[name]:%H:%M}" for name in ("begin", "end")] if data["begin"] else None
        drill = {"every": data["every"], "days": data["days"], "window": window}
        of_all_kinds = {
            "kind": data["kind"] or KINDS[0],
            "app": "",
            "archive": data["archive"] and data["kind"] in OF_FILES,
            "drill": {name: value for name, value in drill.items() if value is not None},
        }
        if data["kind"] == MEDIA_KIND:
            none = {"databases": [], "excluded": [], "skip_unchanged": False}
            return {**found, **none, **of_all_kinds}
        return {
            **found,
            **of_all_kinds,
            "databases": data["databases"],
            "excluded": list(dict.fromkeys([*data["excluded"], *data["more_excluded"]])),
            "skip_unchanged": data["skip_unchanged"] and data["kind"] != FULL,
        }

    def _offer(self, name: str, choices: Iterable[tuple[str, Any]]) -> None:
        self.fields[name].choices = list(choices)  # type: ignore[attr-defined]

    def _offer_known(self, name: str, known: dict[str, str], saved: Iterable[str]) -> None:
        """What there is, and what the plan names though it is gone: only so can it be unticked."""
        gone = gettext("%(name)s (gone)")
        lost = [(one, gone % {"name": one}) for one in saved if one not in known]
        self._offer(name, [*known.items(), *lost])

    def _still_there(self, name: str, text: Any) -> list[str]:  # noqa: ANN401
        chosen: list[str] = self.cleaned_data[name]
        for one in chosen:
            if one not in self.known[name]:
                raise forms.ValidationError(text % {"name": one})
        return chosen


def _share(share: TableShare) -> str:
    text = ngettext(
        "%(name)s: %(rows)s row, %(percent)d %% of all",
        "%(name)s: %(rows)s rows, %(percent)d %% of all",
        share.rows,
    )
    rows = number_format(share.rows, force_grouping=True)
    return text % {"name": share.name, "rows": rows, "percent": share.percent}


def _initial(spec: PlanSpec, *, new: bool) -> dict[str, Any]:
    begin, end = spec.drill.window or (None, None)
    grace = DEFAULT_GRACE if new else spec.grace
    return {
        "name": spec.name,
        "enabled": spec.enabled or new,
        "kind": spec.kind,
        "app": spec.app,
        "databases": list(spec.databases),
        "compression": spec.compression,
        "encrypt_to": "\n".join(spec.encrypt_to),
        "archive": spec.archive,
        "skip_unchanged": spec.skip_unchanged,
        "destinations": list(spec.destinations),
        "every": spec.drill.every,
        "days": spec.drill.days,
        "begin": begin,
        "end": end,
        "grace": int(grace.total_seconds() // 60),
    }
