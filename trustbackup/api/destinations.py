"""Destinations: which there are, setting them up, testing them.

Secrets go in and never come out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from trustbackup.api.base import ApiView
from trustbackup.api.described import IDEMPOTENCY_KEY, described
from trustbackup.api.destination_serializers import (
    DestinationChangeSerializer,
    DestinationDetailSerializer,
    DestinationSerializer,
    NewDestinationSerializer,
)
from trustbackup.api.problems import Problem
from trustbackup.api.serializers import RunSerializer, WaitQuery
from trustbackup.api.starting import start_run
from trustbackup.destinations.kind import DestinationKind
from trustbackup.models import AccessToken, Destination
from trustbackup.operations.offsite.targets import kinds
from trustbackup.views.base import DESTINATION, VIEW, takes_secrets
from trustbackup.views.destinations.connection_test import ACTION
from trustbackup.views.destinations.forms import DestinationForm, form_class
from trustbackup.views.destinations.saving import save, stored_secrets
from trustbackup.views.responses import audit

Scope = AccessToken.Scope
_INVALID = "The destination can't be set up like this."


def destination_named(name: str) -> Destination:
    """Raises Problem."""
    found = None if "\x00" in name else Destination.objects.with_usage().filter(name=name).first()
    if found is None:
        raise Problem(404, "not_found", "There is no such destination.")
    return found


def _kind_named(name: str) -> DestinationKind:
    """Raises Problem."""
    known = kinds()
    if name not in known:
        text = f"There is no such kind of destination. Choose one of {', '.join(known)}."
        raise Problem(400, "invalid", _INVALID, errors={"kind": [text]})
    return known[name]


def _answer(row: Destination, status: int = 200) -> Response:
    """What is saved, and of its secrets the names of those that are set."""
    secrets, lost = stored_secrets(row)
    row = destination_named(row.name)
    row.secret_names = sorted(name for name in secrets if secrets[name])  # type: ignore[attr-defined]
    row.problem = row.problem or lost
    return Response(DestinationDetailSerializer(row).data, status)


@extend_schema_view(
    get=described(
        "list_destinations", "List destinations", {200: DestinationSerializer(many=True)}
    ),
    post=described(
        "create_destination",
        "Set up a destination",
        {201: DestinationDetailSerializer},
        request=NewDestinationSerializer,
    ),
)
@takes_secrets
class DestinationsView(ApiView):
    scopes = {"POST": Scope.MANAGE}
    rights = {"POST": (VIEW, DESTINATION)}

    def get(self, request: Request) -> Response:
        rows = Destination.objects.with_usage()
        return Response(DestinationSerializer(rows, many=True).data)

    def post(self, request: Request) -> Response:
        body = NewDestinationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        form = _filled(_kind_named(asked["kind"]), asked)
        row = _saved(form)
        audit(request, "add destination", row.name)
        return _answer(row, 201)


@extend_schema_view(
    get=described(
        "get_destination",
        "How a destination is set up, without its secrets",
        {200: DestinationDetailSerializer},
        404,
    ),
    patch=described(
        "change_destination",
        "Change a destination",
        {200: DestinationDetailSerializer},
        404,
        request=DestinationChangeSerializer,
    ),
    delete=described(
        "delete_destination", "Forget a destination; the copies there stay", {204: None}, 404
    ),
)
@takes_secrets
class DestinationView(ApiView):
    """Where this site connects to is for who may set that up."""

    scopes = dict.fromkeys(("GET", "PATCH", "DELETE"), Scope.MANAGE)
    rights = dict.fromkeys(("GET", "PATCH", "DELETE"), (VIEW, DESTINATION))

    def get(self, request: Request, name: str) -> Response:
        return _answer(destination_named(name))

    def patch(self, request: Request, name: str) -> Response:
        row = destination_named(name)
        body = DestinationChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        form = _filled(_kind_named(row.kind), body.validated_data, row)
        _saved(form, keep_lost=bool(row.secrets and not form.stored))
        audit(request, "change destination", row.name)
        return _answer(row)

    def delete(self, request: Request, name: str) -> Response:
        row = destination_named(name)
        row.delete()
        audit(request, "delete destination", name)
        return Response(status=204)


def _filled(
    kind: DestinationKind, asked: Mapping[str, Any], row: Destination | None = None
) -> DestinationForm:
    """The page's own form with what was asked for: what is left out stays as it is,
    or as an empty form has it."""
    made = form_class(kind)
    stored = stored_secrets(row)[0] if row else {}
    known = made(row=row, stored=stored).fields
    begins = {name: field.initial for name, field in known.items() if field.initial is not None}
    data: dict[str, Any] = {
        **begins,
        **(row.options if row else {}),
        "name": asked.get("name", ""),
        "automatic": asked.get("automatic", row.automatic if row else True),
    }
    errors: dict[str, list[str]] = {}
    own = {"name", "automatic", *kind.secrets}
    for name, value in asked.get("options", {}).items():
        if name not in known or name in own or name.startswith("clear_"):
            errors[name] = ["A destination of this kind has no such option."]
        elif value is not None and not _is_for(known[name], value):
            errors[name] = ["This is of another type."]
        else:
            data[name] = begins.get(name, "") if value is None else value
    for name, value in asked.get("secrets", {}).items():
        if name not in kind.secrets:
            errors[name] = ["A destination of this kind has no such secret."]
        elif value:
            data[name] = value
        else:
            data[f"clear_{name}"] = True
    if errors:
        raise Problem(400, "invalid", _INVALID, errors=errors)
    return made(data, row=row, stored=stored)


def _is_for(field: forms.Field, value: object) -> bool:
    """Whether JSON has a value of the type that this field is of."""
    if isinstance(field, forms.BooleanField):
        return isinstance(value, bool)
    if isinstance(field, forms.IntegerField):  # one of decimals is one of them
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)


def _saved(form: DestinationForm, *, keep_lost: bool = False) -> Destination:
    """Raises Problem with what the page would say, field by field."""
    row = save(form, keep_lost=keep_lost) if form.is_valid() else None
    if row is None:
        errors = {
            "non_field_errors" if name == "__all__" else name: list(map(str, found))
            for name, found in form.errors.items()
        }
        raise Problem(400, "invalid", _INVALID, errors=errors)
    return row


@extend_schema_view(
    post=described(
        "test_destination",
        "Test the connection to a destination",
        {200: RunSerializer, 202: RunSerializer},
        404,
        422,
        request=None,
        parameters=[WaitQuery, IDEMPOTENCY_KEY],
    )
)
class TestDestinationView(ApiView):
    scopes = {"POST": Scope.MANAGE}
    rights = {"POST": (VIEW, DESTINATION)}

    def post(self, request: Request, name: str) -> Response:
        def prepare() -> tuple[dict[str, Any], str]:
            row = destination_named(name)
            return {"destination": row.name}, row.name

        return start_run(request, ACTION, prepare)
