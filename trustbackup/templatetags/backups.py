"""Tags and filters of the pages."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import urljoin

from django import template
from django.apps import apps
from django.conf import settings
from django.templatetags.static import static
from django.urls import get_script_prefix
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.context import Context
from trustbackup.operations.restore.comparison import RowDifference
from trustbackup.operations.restore.sessions import sessions_that_stay
from trustbackup.views import labels
from trustbackup.views.admin_index import overdue_for
from trustbackup.views.backups.restorable import manifest_of
from trustbackup.views.formats import ago, changed, difference, moment, took
from trustbackup.views.held_identity import held_identities, held_until
from trustbackup.views.notification_words import event_kind
from trustbackup.views.way_back import way_back

register = template.Library()


@register.simple_tag
def live_updates() -> SafeString | str:
    """htmx, where the site has ``django_htmx``; without it a page is only not live."""
    if not apps.is_installed("django_htmx"):
        return ""
    from django_htmx.jinja import htmx_script

    try:
        return htmx_script()
    except ValueError:  # see asset()
        return ""


@register.simple_tag
def asset(path: str) -> str:
    """The address of a static file of ours.

    A storage that hashes names knows none of ours before the site's next ``collectstatic``, and
    raises ValueError: a page without its looks is better than an error 500.
    """
    try:
        return static(path)
    except ValueError:
        return urljoin(get_script_prefix(), urljoin(settings.STATIC_URL or "", path))


@register.simple_tag(takes_context=True)
def column(context: dict[str, Any], key: str, label: str, kind: str = "") -> SafeString:
    """A column's head that sorts by it, the other way round when it does already."""
    now = context["sort"]
    direction = {key: "ascending", f"-{key}": "descending"}.get(now, "none")
    following = key if now == f"-{key}" else f"-{key}"
    query = f"{context['unsorted']}&" if context["unsorted"] else ""
    return format_html(
        '<th scope="col" class="{}" aria-sort="{}"><a href="?{}sort={}">{}</a></th>',
        kind,
        direction,
        query,
        following,
        label,
    )


@register.filter
def breakable(name: str) -> SafeString:
    """A table's name that may go on in the next line after each of its words."""
    first, *rest = name.split("_")
    return format_html("{}{}", first, format_html_join("", "_<wbr>{}", ((word,) for word in rest)))


@register.inclusion_tag("settings/backups/identity.html", takes_context=True)
def identity_panel(
    context: dict[str, Any], identifier: str, following: str, part: str = ""
) -> dict[str, Any]:
    """Of an encrypted backup: its keys, and where an identity is pasted; nothing of another."""
    request = context["request"]
    manifest = None
    with suppress(TrustbackupError):
        manifest = manifest_of(Context.current().folder.find(identifier))
    held = held_identities(request)
    keys = manifest.keys if manifest else ()
    return {
        "keys": keys,
        "fits": bool({*keys} & {*held.fingerprints}),
        "until": held_until(request) if held else None,
        "identifier": identifier,
        "following": following,
        "part": part,
        "csrf_token": context.get("csrf_token"),
    }


@register.simple_tag
def ends_sessions() -> bool:
    """Whether a restore signs everybody else out."""
    return not sessions_that_stay()


@register.simple_tag(takes_context=True)
def overdue(context: dict[str, Any]) -> list[str]:
    """What is overdue, in sentences."""
    return overdue_for(context["request"])


@register.filter
def by_change(rows: Iterable[RowDifference]) -> dict[str, list[RowDifference]]:
    """A restore's tables: whose rows it makes more or less, and the others, ours among them."""
    found: dict[str, list[RowDifference]] = {"changed": [], "same": []}
    for row in rows:
        found["changed" if row.changes else "same"].append(row)
    return found


register.filter(ago)
register.filter(changed)
register.filter(difference)
register.filter(event_kind)
register.filter(moment)
register.filter(took)
register.filter(way_back)
register.filter("log_lines", labels.log)
register.filter(labels.translate)
for name in (
    "run_title",
    "event_title",
    "stage",
    "step",
    "destination",
    "trigger",
    "kind",
    "signature",
    "strategy",
    "migrations",
):
    register.filter(name, getattr(labels, name))
