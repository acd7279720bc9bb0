"""Who asks: the account of a token, or the one of a session."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.authentication import SessionAuthentication as FrameworkSession
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from trustbackup.api.problems import Problem
from trustbackup.operations.access_tokens import TokenRefused, authenticate
from trustbackup.views.base import address_of

_BEARER = "bearer "


class TokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer tbk_…``."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        sent = request.headers.get("Authorization", "")
        if not sent.lower().startswith(_BEARER):
            return None
        try:
            return authenticate(sent[len(_BEARER) :].strip(), address_of(request))
        except TokenRefused as error:
            raise Problem(401, error.code, str(error)) from error

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="trustbackup"'


class SessionAuthentication(FrameworkSession):
    """A session of the site, with Django's protection against forged requests."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        user = getattr(request._request, "user", None)  # noqa: SLF001 - as the framework does
        if user is None or not user.is_active:
            return None
        try:
            self.enforce_csrf(request)
        except PermissionDenied as error:
            raise Problem(
                403,
                "csrf",
                f"{error.detail}. Send the token of the site's own forms as X-CSRFToken.",
            ) from error
        return user, None
