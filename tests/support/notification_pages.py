"""A notification's pages and its form as a browser fills it in, and what they then say."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.urls import reverse

from tests.support.listener import Listener
from tests.support.notifications import SECRET

ROOT = "/settings/backups/"
LIST = f"{ROOT}notifications/"
CANARY = "canary51c0ffee"


def page(client: Client, path: str = "notifications/", language: str = "en") -> str:
    answer = client.get(ROOT + path, headers={"Accept-Language": language})
    assert answer.status_code == 200, path
    return " ".join(str(answer.content.decode()).split())


def press(client: Client, button: str, name: str, **data: str) -> Any:
    return client.post(
        reverse(f"trustbackup:{button}_notification", args=[name]), data, follow=True
    )


def said(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


def html(answer: Any) -> str:
    return str(answer.content.decode())


def form(**changes: Any) -> dict[str, Any]:
    """What a browser sends; a field whose value is None is left out, as an empty tick is."""
    values = {"name": "ops", "enabled": "on", "events": ["failure", "late"], "language": ""}
    return {name: value for name, value in (values | changes).items() if value is not None}


def webhook(listener: Listener, **changes: Any) -> dict[str, Any]:
    return form(**{"url": f"{listener.url}/{CANARY}", "secret": SECRET, **changes})


def errors(answer: Any) -> str:
    found = answer.context["form"].errors
    return " ".join(str(sentence) for sentences in found.values() for sentence in sentences)
