"""The form of a destination: its kind's fields, its name, and whether every backup goes there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django import forms
from django.forms.boundfield import BoundField
from django.forms.forms import DeclarativeFieldsMetaclass
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from trustbackup.destinations.form import ConfigurationForm
from trustbackup.destinations.kind import DestinationKind
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Destination
from trustbackup.operations.context import Context
from trustbackup.operations.offsite.guard import must_be_private
from trustbackup.views import labels


class DestinationForm(ConfigurationForm):
    """Made for a kind by ``form_class``, which puts the kind's own form behind it."""

    name = forms.SlugField(
        label=_("Name"),
        max_length=50,
        help_text=_("Letters, digits, - and _. Commands know the destination by it."),
    )
    automatic = forms.BooleanField(label=_("Copy every backup there"), required=False, initial=True)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        row: Destination | None = None,
        initial: Mapping[str, Any] | None = None,
        **more: Any,  # noqa: ANN401
    ) -> None:
        saved = {"name": row.name, "automatic": row.automatic} if row else {}
        super().__init__(
            data,
            former=row.options if row else {},
            initial={**saved, **(initial or {})},
            allowed_hosts=Context.current().settings.destination_hosts,
            **more,
        )
        self.row = row
        if row is not None:
            del self.fields["name"]
        ticks = {"automatic", *(name for name in self.fields if name.startswith("clear_"))}
        self.order_fields(["name", *(name for name in self.fields if name not in ticks)])

    def rows(self) -> list[tuple[BoundField, BoundField | None, str | Promise]]:
        """Each field, the tick that clears it where it is a secret that is set, and its note."""
        plain = [name for name in self.fields if not name.startswith("clear_")]
        notes = self.notes()
        return [
            (
                self[name],
                self[f"clear_{name}"] if f"clear_{name}" in self.fields else None,
                notes.get(name, ""),
            )
            for name in plain
            if name != "automatic"
        ]

    def translate(self, error: object) -> str:
        return labels.translate(error)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if Destination.objects.filter(name=name).exists():
            raise forms.ValidationError(gettext("There is a destination of this name already."))
        return name

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if not self.errors:
            try:
                self.try_out()
            except TrustbackupError as error:
                self.add_error(None, self.translate(error))
        return data

    def try_out(self) -> None:
        """Whether a destination can be made of it, where copies may lie."""
        super().try_out()
        if self.kind.capabilities.is_local:
            with self.kind.open(self.config) as destination:
                must_be_private(destination)


def form_class(kind: DestinationKind) -> type[DestinationForm]:
    """The form for a kind: its own one with what every destination has."""
    name = f"{kind.name.capitalize()}DestinationForm"
    bases = (DestinationForm, kind.form_class())
    made = DeclarativeFieldsMetaclass(name, bases, {"kind": kind, "__module__": __name__})
    return cast("type[DestinationForm]", made)
