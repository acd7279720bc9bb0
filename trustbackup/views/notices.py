"""One sentence for the next page: through Django's messages, or our own where a site has none."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.messages import constants
from django.http import HttpRequest

_KEY = "trustbackup_notices"
_MOST = 100
_TAGS = constants.DEFAULT_TAGS


def success(request: HttpRequest, text: str) -> None:
    _add(request, constants.SUCCESS, text)


def info(request: HttpRequest, text: str) -> None:
    _add(request, constants.INFO, text)


def warning(request: HttpRequest, text: str) -> None:
    _add(request, constants.WARNING, text)


def error(request: HttpRequest, text: str) -> None:
    _add(request, constants.ERROR, text)


def taken(request: HttpRequest) -> list[tuple[str, str]]:
    """Our own that wait: each kind (success, info, warning, error) and sentence, once."""
    session = getattr(request, "session", None)
    if session is None or _KEY not in session:
        return []
    found: list[tuple[str, str]] = [(tag, text) for tag, text in session.pop(_KEY)]
    return found


def _add(request: HttpRequest, level: int, text: str) -> None:
    if hasattr(request, "_messages"):
        messages.add_message(request, level, text)
    elif (session := getattr(request, "session", None)) is not None:
        session[_KEY] = [*session.get(_KEY, []), (_TAGS[level], str(text))][-_MOST:]
