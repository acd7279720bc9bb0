"""Tags and filters of the pages."""

from __future__ import annotations

from typing import Any

from django import template
from django.apps import apps
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from trustbackup.views import words
from trustbackup.views.wording import ago, changed, difference, moment, took

register = template.Library()


@register.simple_tag
def live_updates() -> SafeString | str:
    """htmx, where the site has ``django_htmx``; without it a page is only not live."""
    if not apps.is_installed("django_htmx"):
        return ""
    from django_htmx.jinja import htmx_script

    return htmx_script()


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


register.filter(ago)
register.filter(changed)
register.filter(difference)
register.filter(moment)
register.filter(took)
register.filter("log_lines", words.log)
register.filter(words.said)
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
    register.filter(name, getattr(words, name))
