"""What a strict project has of its own: rights that want an object, and a CSRF token elsewhere."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.middleware.csrf import CsrfViewMiddleware


class StrictUser(User):
    """Its rights are asked for with an object, which may be None."""

    class Meta:
        proxy = True
        app_label = "auth"

    def has_perm(self, perm: str, obj: Any) -> bool:  # type: ignore[override]
        return super().has_perm(perm, obj)


class StrictBackend(ModelBackend):
    """Signs such users in."""

    def get_user(self, user_id: int) -> Any:
        return StrictUser.objects.filter(pk=user_id).first()


class OwnCsrfMiddleware(CsrfViewMiddleware):
    """Keeps its secret in a cookie of another name."""

    def _get_secret(self, request: Any) -> Any:
        secret = request.COOKIES.get("own_csrf")
        return secret or super()._get_secret(request)  # type: ignore[misc]
