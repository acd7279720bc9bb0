"""How a view is described: what it takes, what it answers, and the problems that it may have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from trustbackup.api.fields import Text
from trustbackup.api.serializers import ProblemSerializer

_PROBLEM = "application/problem+json"
_MEANING = {
    400: "What was asked for can't be done like this.",
    401: "Nobody is signed in, or the token is not valid.",
    403: "The token has no such scope, or the account no such right.",
    404: "There is nothing of this name.",
    409: "What the site is, or does now, stands in the way.",
    410: "It was used already, or its time is over.",
    411: "A Content-Length is lacking.",
    412: "It was changed since it was read.",
    413: "What was sent is too large.",
    415: "Something was sent in a format that is not read here.",
    416: "The file has no such bytes.",
    422: "The Idempotency-Key was sent with something else.",
    429: "Too many calls.",
    503: "The database does not answer, as while a restore swaps it: see Retry-After.",
}
_ALWAYS = (401, 403, 409, 429, 503)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="Any text of visible ASCII: within a day the same request under it is one run.",
)


class TextSchema(OpenApiSerializerFieldExtension):
    """The framework's own would not say what it refuses."""

    target_class = Text

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        least = {} if self.target.allow_blank else {"minLength": 1}
        most = {"maxLength": self.target.max_length} if self.target.max_length else {}
        found = {"type": "string", **least, **most, "pattern": r"^[^\u0000]*$"}
        return {**found, "example": self.target.example} if self.target.example else found


class Schema(AutoSchema):
    """How the framework is told who may ask; it knows no class of ours."""

    def get_auth(self) -> list[dict[str, list[str]]]:
        if not self.view.authentication_classes:
            return [{}]  # who has the address needs nothing else
        return [{"token": []}, {"session": []}]

    def get_description(self) -> str:
        """A summary says it; docstrings are for who reads the code."""
        return ""


def described(
    operation: str,
    summary: str,
    answers: dict[Any, Any],
    *problems: int,
    request: Any = None,  # noqa: ANN401 - a serializer, or what the framework takes for one
    parameters: Any = (),  # noqa: ANN401
) -> Callable[[Any], Any]:
    """``problems`` are the codes that this one may answer besides those that all may."""
    sent = (400, 413, 415) if request is not None else ()
    asked = (400,) if parameters else ()
    codes = sorted({*_ALWAYS, *problems, *sent, *asked})
    found: dict[Any, Any] = {
        (code, _PROBLEM): OpenApiResponse(ProblemSerializer, description=_MEANING[code])
        for code in codes
    }
    extended = extend_schema(
        operation_id=operation,
        summary=summary,
        description="",
        tags=["backups"],
        request=request,
        parameters=list(parameters),
        responses={**answers, **found},
    )

    def decorate(method: Any) -> Any:  # noqa: ANN401
        # Else it would be the class that the site has set for its own views.
        method.kwargs = {"schema": Schema}
        return extended(method)

    return decorate
