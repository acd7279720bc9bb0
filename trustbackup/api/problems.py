"""Errors as ``application/problem+json``, each with a code that does not change.

https://www.rfc-editor.org/rfc/rfc9457
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import (
    Error,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    close_old_connections,
)
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from trustbackup.exceptions import (
    BackupNotFound,
    Busy,
    ChangedMeanwhile,
    TrustbackupError,
    UsageError,
)
from trustbackup.views.database_unavailable import RETRY, does_not_answer
from trustbackup.views.missing_tables import missing_table


class ProblemRenderer(JSONRenderer):
    media_type = "application/problem+json"
    format = "problem"


class Problem(exceptions.APIException):
    """One sentence for a person, a code for a program, and what else belongs to it."""

    def __init__(self, status: int, code: str, detail: str, **more: Any) -> None:  # noqa: ANN401
        self.status_code, self.code, self.sentence, self.more = status, code, detail, more
        super().__init__(detail, code)


def respond(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """The answer that tells of it."""
    data = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status_code).phrase,
        "status": problem.status_code,
        "code": problem.code,
        "detail": problem.sentence,
        **problem.more,
    }
    return Response(data, problem.status_code, headers=headers)


def to_problem(error: Exception) -> Problem | None:
    """What is to be said of an error; None for what nobody has foreseen."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, TrustbackupError):
        return _of_ours(error)
    if isinstance(error, Http404):
        return Problem(404, "not_found", "There is nothing of this name here.")
    if isinstance(error, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent):
        return Problem(413, "too_large", "What was sent is larger than this site takes.")
    if isinstance(error, UnreadablePostError):
        return Problem(400, "malformed", "What was sent broke off.")
    if isinstance(error, DjangoPermissionDenied):
        return Problem(403, "not_allowed", str(error) or "This is not allowed.")
    if isinstance(error, Error):
        return _of_database(error)
    if isinstance(error, exceptions.ValidationError):
        return Problem(
            400, "invalid", "What was asked for can't be done like this.", errors=error.detail
        )
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    return None


def _of_ours(error: TrustbackupError) -> Problem:
    if isinstance(error, BackupNotFound):
        return Problem(404, "not_found", "There is no such backup here.")
    if isinstance(error, ChangedMeanwhile):
        return Problem(412, "changed_meanwhile", str(error))
    if isinstance(error, Busy):
        return Problem(409, "busy", str(error))
    if isinstance(error, UsageError):
        return Problem(409, "refused", str(error))
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__).lower()
    return Problem(409, name, str(error))


def _of_database(error: Error) -> Problem | None:
    if isinstance(error, InterfaceError | OperationalError) and does_not_answer(error):
        close_old_connections()
        return Problem(503, "database_unavailable", "The database does not answer. Try again.")
    if isinstance(error, OperationalError | ProgrammingError) and (missing := missing_table()):
        return Problem(409, "not_migrated", str(missing))
    return None


_FRAMEWORK = {
    400: ("malformed", "What was sent is not JSON that can be read."),
    401: ("not_authenticated", "Sign in: send a token as a bearer, or the cookie of a session."),
    405: ("method_not_allowed", "This address does not know this method."),
    415: ("unsupported_media_type", "Send application/json."),
}


def _of_framework(error: exceptions.APIException) -> Problem:
    status = int(error.status_code)
    code, sentence = _FRAMEWORK.get(status, (str(error.default_code), str(error.detail)))
    return Problem(status, code, sentence)


def headers_of(problem: Problem) -> dict[str, str]:
    """The headers that tell how to sign in, or when to try again."""
    if problem.status_code == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": 'Bearer realm="trustbackup"'}
    if problem.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        return {"Retry-After": str(RETRY)}
    if problem.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return {"Retry-After": str(problem.more.get("retry_after", 60))}
    return {}
