"""What can be done with several backups at once, short of deleting them."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.generic import View

from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Destination
from trustbackup.operations.backup.anomalies import confirm_anomalies
from trustbackup.operations.backup.keep import keep_backup
from trustbackup.operations.context import Context
from trustbackup.store import catalog
from trustbackup.views import notices
from trustbackup.views.base import CHANGE, VIEW, Page
from trustbackup.views.labels import translate
from trustbackup.views.responses import audit, nothing_selected, selected_in, start_run_response

ACTIONS = ("keep", "release", "confirm", "verify", "drill", "fetch", "copy", "verify_copy")


class BackupFilesActView(Page, View):
    """Protect, release, confirm, verify, drill, copy or fetch several, or verify their copies."""

    http_method_names = ["post"]

    def get_permission_required(self) -> Sequence[str]:
        return [VIEW, CHANGE]

    def post(self, request: HttpRequest, action: str) -> HttpResponse:
        if action not in ACTIONS:
            raise Http404(_("There is no such action."))
        selected = selected_in(request)
        if not selected:
            return nothing_selected(request)
        if action in ("copy", "verify_copy"):
            return self._with_copies(request, action, selected)
        if action in ("verify", "drill", "fetch"):
            return start_run_response(request, action, {"backups": selected})
        for reference in selected:
            try:
                if action == "confirm":
                    confirm_anomalies(reference)
                else:
                    keep_backup(reference, protected=action == "keep")
            except TrustbackupError as error:
                notices.error(request, translate(error))
            else:
                audit(request, action, reference)
        context = Context.current()
        catalog.synchronise(context.folder)
        notices.success(request, _("Done."))
        return redirect("trustbackup:manage")

    def _with_copies(self, request: HttpRequest, action: str, selected: list[str]) -> HttpResponse:
        name = request.POST.get("destination", "")[:50]
        if not Destination.objects.filter(name=name.replace("\x00", "")).exists():
            notices.error(request, _("There is no such destination any more."))
            return redirect("trustbackup:manage")
        where = {"to": [name]} if action == "copy" else {"at": name}
        target = selected[0] if len(selected) == 1 else ""
        return start_run_response(request, action, {"backups": selected, **where}, target=target)
