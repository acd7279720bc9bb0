"""Tags of the pages."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

register = template.Library()


@register.simple_tag(takes_context=True)
def column(context: dict[str, Any], key: str, label: str) -> SafeString:
    """A column's head that sorts by it, the other way round when it does already."""
    now = context["sort"]
    direction = {key: "ascending", f"-{key}": "descending"}.get(now, "none")
    following = key if now == f"-{key}" else f"-{key}"
    query = f"{context['unsorted']}&" if context["unsorted"] else ""
    return format_html(
        '<th scope="col" aria-sort="{}"><a href="?{}sort={}">{}</a></th>',
        direction,
        query,
        following,
        label,
    )


@register.filter
def took(seconds: float) -> str:
    """A duration: 0.4 s, 12 s, 3 min 20 s, 1 h 5 min."""
    if seconds < 10:
        return _("%(count).1f s") % {"count": seconds}
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return _("%(count)d s") % {"count": rest}
    hours, minutes = divmod(minutes, 60)
    if hours:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    return _("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": rest}
