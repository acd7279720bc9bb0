"""A program that talks to the API, in the tests' own process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import Permission, User
from django.http import HttpResponse
from django.test import Client

from trustbackup.operations.access_tokens import make_token

ROOT = "/settings/backups/api/v1/"
RIGHTS = (
    "view",
    "add",
    "change",
    "delete",
    "download",
    "restore",
    "change_destination",
    "change_plan",
)
SCOPES = ("read", "create", "download", "restore", "manage")


def robot(*rights: str, name: str = "robot") -> User:
    """An account with these rights, to backups where no other thing is named."""
    user = User.objects.create_user(name, password="a password of a test")
    names = [right if "_" in right else f"{right}_backup" for right in rights]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return user


class Caller:
    """Sends a token, if it is given one, and JSON."""

    def __init__(self, token: str = "", client: Client | None = None, **more: str) -> None:
        self.client = client or Client(raise_request_exception=False, enforce_csrf_checks=True)
        self.headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **more}

    def call(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any, HttpResponse]:
        sent = {} if body is None else {"data": body, "content_type": "application/json"}
        answer: Any = getattr(self.client, method.lower())(
            path if path.startswith("/") else ROOT + path,
            headers={**self.headers, **headers},
            **sent,
        )
        kind = answer.headers.get("Content-Type", "")
        return answer.status_code, answer.json() if "json" in kind else None, answer

    def get(self, path: str, **headers: str) -> Any:
        """What a 200 holds."""
        status, value, answer = self.call("GET", path, **headers)
        assert status == 200, answer.content
        return value

    def problem(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        """The status and the code of a refusal, which is a whole problem document."""
        status, value, answer = self.call(method, path, body, **headers)
        assert answer.headers["Content-Type"] == "application/problem+json", answer.content
        assert value["status"] == status
        assert value["detail"].endswith((".", "'", "?")), value
        return status, value["code"]


def caller(
    scopes: Sequence[str] = SCOPES, rights: Sequence[str] = RIGHTS, **options: Any
) -> Caller:
    """One whose account has these rights, and whose token these scopes."""
    user = robot(*rights)
    token, _row = make_token("tested", user.get_username(), scopes, **options)
    return Caller(token)
