"""An event as somebody reads it: the page's own sentences, in the language of their route."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from trustbackup import phrases
from trustbackup.events import PROBLEMS, Event
from trustbackup.notifications.attachments import NOTHING, Attached
from trustbackup.notifications.channel import Message
from trustbackup.notifications.site import page_address, site_name
from trustbackup.translations import moment, took, translate

TEMPLATE = "settings/backups/message.html"
LINES = "lines"
"""The key of an event's detail whose texts (``phrases.dumps``) are shown below the sentence."""
_LONGEST_TITLE = 150


def compose(event: Event, route: str, language: str = "", attached: Attached = NOTHING) -> Message:
    """What the route of this name sends, in this language or the site's."""
    with translation.override(language or settings.LANGUAGE_CODE):
        return _composed(event, route, attached)


def _composed(event: Event, route: str, attached: Attached) -> Message:
    name = site_name()
    sentence = translate(event.sentence)
    lines = [translate(phrases.loads(line)) for line in _lines(event)]
    if attached.sentence:
        lines.append(translate(attached.sentence))
    log = str(event.detail.get("log", "")) if event.kind in PROBLEMS else ""
    run = str(event.detail.get("run", ""))
    url = page_address(run)
    shown: dict[str, Any] = {
        "name": name,
        "sentence": sentence,
        "lines": lines,
        "facts": list(_facts(event)),
        "log": log,
        "url": url,
        "is_problem": event.kind in PROBLEMS,
        "why": _("You get this by the notification “%(route)s” of the backups of %(site)s.")
        % {"route": route, "site": name},
        "language": translation.get_language(),
    }
    return Message(
        key=event.key,
        kind=event.kind,
        at=event.at,
        title=f"[{name}] {_cut(sentence)}",
        text=_as_text(shown),
        html=render_to_string(TEMPLATE, shown),
        payload=_payload(event, url),
        log=str(event.detail.get("log", "")),
        run=run,
        files=attached.files,
    )


def _lines(event: Event) -> list[str]:
    lines = event.detail.get(LINES, ())
    return [line for line in lines if isinstance(line, str)]


def _facts(event: Event) -> Iterator[tuple[str, str]]:
    """What is known of it, by its name; nothing of what is not."""
    if event.plan:
        yield _("Plan"), event.plan
    if event.subject:
        yield _("About"), event.subject
    yield _("When"), moment(event.at)
    seconds = event.detail.get("seconds")
    if isinstance(seconds, int | float) and seconds:
        yield _("Took"), took(seconds)
    if host := event.detail.get("host"):
        yield _("Host"), str(host)
    if actor := event.detail.get("actor"):
        yield _("By"), str(actor)


def _as_text(shown: dict[str, Any]) -> str:
    parts = [shown["sentence"]]
    if shown["lines"]:
        parts.append("\n".join(f"- {line}" for line in shown["lines"]))
    parts.append("\n".join(f"{name}: {value}" for name, value in shown["facts"]))
    if shown["log"]:
        parts.append("\n".join(f"    {line}" for line in shown["log"].splitlines()))
    if shown["url"]:
        parts.append(shown["url"])
    parts.append(f"-- \n{shown['why']}")
    return "\n\n".join(parts) + "\n"


def _payload(event: Event, url: str) -> dict[str, Any]:
    """The same for programs: English, whatever the reader's language."""
    detail = dict(event.detail)
    if LINES in detail:
        detail[LINES] = [phrases.loads(line) for line in _lines(event)]
    return {
        "key": event.key,
        "kind": str(event.kind),
        "site": site_name(),
        "plan": event.plan,
        "subject": event.subject,
        "at": event.at.isoformat(),
        "sentence": str(event.sentence),
        "url": url,
        "detail": detail,
    }


def _cut(sentence: str) -> str:
    line = " ".join(sentence.split())
    return line if len(line) <= _LONGEST_TITLE else f"{line[: _LONGEST_TITLE - 1].rstrip()}…"
