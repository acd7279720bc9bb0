"""What retention would do now with each backup in a place, and why; nothing is deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from trustbackup.models import Destination
from trustbackup.operations.retention.here import judge_here
from trustbackup.operations.retention.situation import Situation, look
from trustbackup.operations.retention.there import copies_by_index, judge_copies
from trustbackup.policy.retention.reasons import DELETES, SENTENCES, Decision
from trustbackup.views.base import Page

SHOWN = 50
"""Backups on one page."""


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """One backup, or one copy of it, and what is to become of it."""

    id: str
    name: str
    created: datetime
    plan: str
    bytes: int
    is_here: bool
    """Whether it has a page of its own."""
    decision: Decision

    @property
    def is_held(self) -> bool:
        """Its rules let it go, and something else keeps it for now."""
        reasons = self.decision.reasons
        return self.decision.keep and reasons[-1] in DELETES

    @property
    def sentences(self) -> list[str]:
        """Every reason, the one to tell first."""
        return [SENTENCES[reason] for reason in self.decision.reasons]


class RetentionPreview(Page, TemplateView):
    """Keep or delete, for every backup in the folder, or for the copies at one destination
    (``?place=``) as the index knows them; of all plans, or of one (``?plan=``)."""

    template_name = "settings/backups/retention.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        plan, place = (self.request.GET.get(name, "") for name in ("plan", "place"))
        places = {row.name: row for row in Destination.objects.all() if row.options}
        if place and place not in places:
            raise Http404(_("There is no such destination any more."))
        situation = look()
        judged = _there(situation, places[place]) if place else _here(situation)
        found = [each for each in judged if plan in ("", each.plan)]
        going = sum(not each.decision.keep for each in found)
        held = sum(each.is_held for each in found)
        pages = Paginator(found, SHOWN)
        return super().get_context_data(
            **kwargs,
            page_obj=pages.get_page(self.request.GET.get("page")),
            plan=plan,
            place=place,
            places=list(places),
            going=going,
            held=held,
            staying=len(found) - going,
            title=_("What would be deleted"),
        )


def _here(situation: Situation) -> list[Outlook]:
    decided = judge_here(situation).decisions
    return [
        Outlook(
            id=each.id,
            name=row.name,
            created=row.created,
            plan=row.plan,
            bytes=row.bytes,
            is_here=True,
            decision=each,
        )
        for each in decided
        if (row := situation.rows.get(each.id))
    ]


def _there(situation: Situation, row: Destination) -> list[Outlook]:
    copies = copies_by_index(situation, row)
    found = []
    for each in judge_copies(situation, row, copies).decisions:
        known, here = copies.known[each.id], situation.rows.get(each.id)
        found.append(
            Outlook(
                id=each.id,
                name=here.name if here else "",
                created=datetime.fromisoformat(known["created"]),
                plan=(known["plan"] or {}).get("name", ""),
                bytes=copies.whole[each.id].bytes,
                is_here=here is not None,
                decision=each,
            )
        )
    return found
