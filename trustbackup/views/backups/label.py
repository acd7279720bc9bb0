"""Saying what a backup is called from now on; the signed manifest stays as it is."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.generic import View

from trustbackup.exceptions import BackupNotFound, TrustbackupError
from trustbackup.operations.backup.keep import change_backup
from trustbackup.operations.context import Context
from trustbackup.store import catalog
from trustbackup.views import notices
from trustbackup.views.base import CHANGE, VIEW, Page, no_such_backup
from trustbackup.views.labels import translate
from trustbackup.views.responses import audit


class LabelView(Page, View):
    """Without a name it gets the one back that it was made with."""

    permission_required = (VIEW, CHANGE)
    http_method_names = ["post"]

    def post(self, request: HttpRequest, identifier: str) -> HttpResponse:
        context = Context.current()
        try:
            found = context.folder.find(identifier).id
            change_backup(found, label=request.POST.get("label", ""))
        except BackupNotFound as error:
            raise no_such_backup(identifier) from error
        except TrustbackupError as error:
            notices.error(request, translate(error))
            return redirect("trustbackup:detail", identifier=identifier)
        audit(request, "label", found)
        catalog.synchronise(context.folder)
        notices.success(request, _("Done."))
        return redirect("trustbackup:detail", identifier=found)
