"""What a destination is asked for: its configuration's fields, as a page's form.

A kind without a form of its own gets a field for each of its configuration's. Secrets are
written only, never shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, ClassVar, cast, get_type_hints

from django import forms
from django.core.validators import RegexValidator
from django.forms.forms import DeclarativeFieldsMetaclass
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from trustbackup.destinations.kind import DestinationKind

REFERENCE = _("Or where it is kept: env:NAME or file:/run/secrets/x.")
ONE_WORD = RegexValidator(r"^[^\s/@?#]+$", _("Give the name or the address alone."))
_OF_THE_SITE = "allowed_hosts"


class HiddenText(forms.Textarea):
    """A secret of several lines: what was typed is not sent back."""

    def format_value(self, value: Any) -> str:  # noqa: ANN401
        return ""


def secret(label: Any, *, lines: bool = False, help_text: Any = REFERENCE) -> forms.CharField:  # noqa: ANN401
    """A secret; no page sends it back, stored or just typed."""
    quiet = {"autocomplete": "new-password", "spellcheck": "false"}
    return forms.CharField(
        label=label,
        required=False,
        strip=False,
        max_length=32_000,
        help_text=help_text,
        widget=HiddenText({**quiet, "rows": 4}) if lines else forms.PasswordInput(quiet),
    )


def text(label: Any, *, required: bool = False, **options: Any) -> forms.CharField:  # noqa: ANN401
    return forms.CharField(label=label, required=required, max_length=1000, **options)


class ConfigurationForm(forms.Form):
    """The fields of a kind's configuration, by their own names.

    After ``is_valid``, ``options`` and ``secrets`` are what ``DestinationKind.configure`` takes,
    and ``config`` is what it makes of them. A secret that is left blank is the one that is
    ``known`` already.
    """

    kind: ClassVar[DestinationKind]
    confirmable: ClassVar[str] = ""
    """The field that takes what a person confirms after a connection test (``OfferedKey``)."""
    buttons: ClassVar[Mapping[str, Any]] = {}
    """Further buttons, name → label; each is for ``secrets_made``."""

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        former: Mapping[str, Any] | None = None,
        known: Mapping[str, str] | None = None,
        stored: Mapping[str, str] | None = None,
        allowed_hosts: tuple[str, ...] = (),
        **more: Any,  # noqa: ANN401
    ) -> None:
        self.former = dict(former or {})
        """The saved options."""
        super().__init__(data, initial={**self.former, **more.pop("initial", {})}, **more)
        self.allowed_hosts = allowed_hosts
        self.stored = dict(stored or {})
        """The saved secrets; ``known`` may have some that were typed and not saved yet."""
        self.known = dict(self.stored if known is None else known)
        self.options: dict[str, Any] = {}
        self.secrets: dict[str, str] = {}
        self.config: Any = None
        for name in self.kind.secrets:
            if self.known.get(name):
                self.fields[name].widget.attrs["placeholder"] = _("set; leave blank to keep it")
                self.fields[f"clear_{name}"] = forms.BooleanField(required=False)

    @classmethod
    def for_kind(cls, kind: DestinationKind) -> type[ConfigurationForm]:
        """This form for a kind; the plain one gets a field for each of the configuration's."""
        members: dict[str, Any] = {"kind": kind, "__module__": cls.__module__}
        if cls is ConfigurationForm:
            hints = get_type_hints(kind.configuration)
            for item in fields(kind.configuration):
                if item.name != _OF_THE_SITE:
                    members[item.name] = _field(kind, item, hints[item.name])
        return cast(
            "type[ConfigurationForm]",
            DeclarativeFieldsMetaclass(cls.__name__, (cls,), members),
        )

    def translate(self, error: object) -> str:
        """An error in the reader's language, where there is one."""
        return str(error)

    @classmethod
    def secrets_made(cls, button: str) -> dict[str, str]:
        """The secrets that one of ``buttons`` makes; they are sealed, and saved with the form."""
        raise NotImplementedError(button)

    def notes(self) -> dict[str, str | Promise]:
        """What is said below a field that is set already."""
        return {}

    def public_line(self) -> tuple[str | Promise, str]:
        """What to do with a text that a person takes to the server, and that text; "" is none."""
        return "", ""

    def clean(self) -> dict[str, Any]:
        super().clean()
        data = self.cleaned_data
        hidden = self.kind.secrets
        self.secrets = {
            name: data.get(name) or self.known.get(name, "")
            for name in hidden
            if not data.get(f"clear_{name}")
        }
        own = [item.name for item in fields(self.kind.configuration) if item.name not in hidden]
        self.options = {name: data[name] for name in own if data.get(name) not in (None, "")}
        return data

    def try_out(self) -> None:
        """Whether a destination can be made of it at all. Raises TrustbackupError."""
        self.config = self.kind.configure(
            self.options, self.secrets, allowed_hosts=self.allowed_hosts
        )


def _field(kind: DestinationKind, item: Field[Any], hint: Any) -> forms.Field:  # noqa: ANN401
    label = item.metadata.get("label") or item.name.replace("_", " ").capitalize()
    required = item.default is MISSING and item.default_factory is MISSING
    if item.name in kind.secrets:
        return secret(label, lines=item.name in kind.private_keys)
    if hint is bool:
        return forms.BooleanField(label=label, required=False)
    number = {int: forms.IntegerField, float: forms.FloatField}.get(hint)
    if number is not None:
        initial = None if required else item.default
        return number(label=label, required=required, initial=initial)
    return text(label, required=required)
