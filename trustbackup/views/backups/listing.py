"""What lists of the page share: pages of twenty, and orders to choose from."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.db.models.expressions import OrderBy
from django.utils.translation import gettext as _
from django.views.generic import ListView

from trustbackup.views.base import Page

SORTS = {
    "name": ("created", "pk"),
    "label": ("name", "created"),
    "contents": ("databases", "created"),
    "size": ("bytes", "created"),
    "took": ("seconds", "created"),
    "trigger": ("trigger", "created"),
    "proof": ("drilled_ok", "drilled_at", "checked_ok", "checked_at", "created"),
    "kept": ("protected", "created"),
    "state": ("state", "created"),
}
"""Columns that the backups can be sorted by. A backup's file is named by its time.

Addresses called the mark "kept" from the start, and stay.
"""


def ordering(sort: str) -> list[OrderBy]:
    """The model's fields of an order such as "-size"; what is not known is the least."""
    columns = [F(column) for column in SORTS[sort.removeprefix("-")]]
    if sort.startswith("-"):
        return [column.desc(nulls_last=True) for column in columns]
    return [column.asc(nulls_first=True) for column in columns]


def sort_choices(now: str) -> list[tuple[str, str]]:
    """For where the columns' heads have no room; any other order stays while it is in use."""
    choices = [
        ("-name", _("newest first")),
        ("name", _("oldest first")),
        ("-size", _("largest first")),
        ("size", _("smallest first")),
        ("label", _("by name")),
        ("proof", _("least proven first")),
    ]
    return choices if now in dict(choices) else [*choices, (now, _("as it is now"))]


class Listing(Page, ListView):  # type: ignore[type-arg]
    """Twenty a page; one that is not there any more shows the last one instead of a 404."""

    paginate_by = 20

    def paginate_queryset(self, queryset: Any, page_size: int) -> Any:  # noqa: ANN401
        paginator = self.get_paginator(queryset, page_size)
        page = paginator.get_page(self.request.GET.get("page"))
        return paginator, page, page.object_list, page.has_other_pages()

    def query(self, *without: str) -> str:
        """The address's query without these."""
        query = self.request.GET.copy()
        for name in without:
            query.pop(name, None)
        return query.urlencode()
