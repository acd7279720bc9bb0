"""The recovery sheet as a page to print, and the note that somebody has."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from trustbackup.operations.recovery.sheet import PRINTED, make_sheet, printed_sheet
from trustbackup.views import notices
from trustbackup.views.base import RESTORE, VIEW, Page
from trustbackup.views.responses import audit


class RecoverySheetView(Page, TemplateView):
    """Addresses and names of secrets: for those who may restore."""

    permission_required = (VIEW, RESTORE)
    template_name = "settings/backups/recovery_sheet.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        sheet = make_sheet()
        return super().get_context_data(
            sheet=sheet, printed=printed_sheet(sheet), title=_("Recovery sheet"), **kwargs
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        """The operator says that it is on paper now."""
        audit(request, PRINTED, make_sheet().fingerprint)
        notices.success(request, _("It is noted that the recovery sheet is printed."))
        return redirect("trustbackup:recovery_sheet")
