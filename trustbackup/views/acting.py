"""What can be done with several backups at once, short of deleting them."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.generic import View

from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Destination
from trustbackup.operations.keep import keep_backup
from trustbackup.operations.site import Site
from trustbackup.store import catalog
from trustbackup.views.access import CHANGE, VIEW, Page
from trustbackup.views.answers import noted, nothing_selected, selected_in, started
from trustbackup.views.words import said

ACTIONS = ("keep", "release", "verify", "drill", "fetch", "copy", "verify_copy")


class BackupFilesActView(Page, View):
    """Keep, release, verify, drill, copy or fetch several, or read their copies back."""

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
            return started(request, action, {"backups": selected})
        for reference in selected:
            try:
                keep_backup(reference, kept=action == "keep")
            except TrustbackupError as error:
                messages.error(request, said(error))
            else:
                noted(request, action, reference)
        site = Site.current()
        catalog.synchronise(site.settings.root, site.signer)
        messages.success(request, _("Done."))
        return redirect("trustbackup:manage")

    def _with_copies(self, request: HttpRequest, action: str, selected: list[str]) -> HttpResponse:
        name = request.POST.get("destination", "")[:50]
        if not Destination.objects.filter(name=name.replace("\x00", "")).exists():
            messages.error(request, _("There is no such destination any more."))
            return redirect("trustbackup:manage")
        where = {"to": [name]} if action == "copy" else {"at": name}
        target = selected[0] if len(selected) == 1 else ""
        return started(request, action, {"backups": selected, **where}, target=target)
