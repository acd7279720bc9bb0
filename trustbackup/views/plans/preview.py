"""What retention would do now with each backup in the folder, and why; nothing is deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from trustbackup.models import Backup
from trustbackup.operations.retention.here import judge_here
from trustbackup.operations.retention.situation import look
from trustbackup.policy.retention.reasons import DELETES, SENTENCES, Decision
from trustbackup.views.base import Page

SHOWN = 50
"""Backups on one page."""


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """One backup, and what is to become of it."""

    backup: Backup
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
    """Keep or delete, for every backup here, or for those of one plan (``?plan=``)."""

    template_name = "settings/backups/retention.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        plan = self.request.GET.get("plan", "")
        situation = look()
        found = [
            Outlook(backup=situation.rows[each.id], decision=each)
            for each in judge_here(situation).decisions
            if each.id in situation.rows and plan in ("", situation.rows[each.id].plan)
        ]
        going = sum(not each.decision.keep for each in found)
        held = sum(each.is_held for each in found)
        pages = Paginator(found, SHOWN)
        return super().get_context_data(
            **kwargs,
            page_obj=pages.get_page(self.request.GET.get("page")),
            plan=plan,
            going=going,
            held=held,
            staying=len(found) - going,
            title=_("What would be deleted"),
        )
