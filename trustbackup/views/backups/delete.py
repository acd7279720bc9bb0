"""Delete backups, after a page that asks."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import (
    HttpRequest,
    HttpResponse,
)
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.generic import View

from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Backup
from trustbackup.operations.backup.delete import delete_backups, find_last_resorts, resolve
from trustbackup.operations.context import Context
from trustbackup.phrases import joined
from trustbackup.policy.protection import LastResort
from trustbackup.runs.recorder import record_run
from trustbackup.views import notices
from trustbackup.views.base import (
    DELETE,
    Page,
    actor_of,
    address_of,
)
from trustbackup.views.labels import translate
from trustbackup.views.responses import nothing_selected, selected_in


class BackupFilesDeleteMultipleView(Page, View):
    """Delete several, after a page that lists them and asks."""

    permission_required = DELETE
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            selected = resolve(selected_in(request))
            resorts = _last_resorts(selected)
        except TrustbackupError as error:
            notices.error(request, translate(error))
            return redirect("trustbackup:manage")
        if not selected:
            return nothing_selected(request)
        if "confirmed" not in request.POST:
            return self._ask(request, selected, resorts)
        last_good_too = "protected_too" in request.POST
        if resorts and not last_good_too:
            notices.error(request, _("Nothing was deleted: tick the box for the last good one."))
            return self._ask(request, selected, resorts)
        with record_run(
            "delete", ", ".join(selected), actor=actor_of(request), address=address_of(request)
        ) as recorder:
            outcomes = delete_backups(selected, last_good_too=last_good_too)
            gone = [outcome.id for outcome in outcomes if not outcome.error]
            recorder.outcome["deleted"] = gone
            recorder.partial = joined(item.error for item in outcomes if item.error)
        for outcome in outcomes:
            if outcome.error:
                notices.error(request, translate(outcome.error))
        if gone:
            text = ngettext("%d backup was deleted.", "%d backups were deleted.", len(gone))
            notices.success(request, text % len(gone))
        return redirect("trustbackup:manage")

    def _ask(
        self, request: HttpRequest, selected: list[str], resorts: dict[str, LastResort]
    ) -> HttpResponse:
        found = list(Backup.objects.filter(identifier__in=selected))
        context = self.get_context_data(
            backups=found,
            missing=sorted(set(selected) - {backup.identifier for backup in found}),
            last_resorts=resorts,
            selected=selected,
            title=_("Delete backups?"),
        )
        return render(request, "settings/backups/delete.html", context)


def _last_resorts(selected: Sequence[str]) -> dict[str, LastResort]:
    """Those among them that are the last of their sort to rely on, and why."""
    found = find_last_resorts(Context.current())
    return {key: found[key] for key in selected if key in found}
