"""One file of a backup, or several backups as one archive."""

from __future__ import annotations

from django.http import (
    Http404,
    HttpRequest,
    HttpResponseBase,
)
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.generic import View

from trustbackup.compat import get_backup_file_data
from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.context import Context
from trustbackup.operations.transfer.bundle import FORMATS, bundle_backups
from trustbackup.views import notices
from trustbackup.views.base import (
    DOWNLOAD,
    Page,
)
from trustbackup.views.labels import translate
from trustbackup.views.responses import audit, nothing_selected, selected_in
from trustbackup.views.sending import goes_out, send_bundle, send_file


class BackupFileDownloadView(Page, View):
    """One file of a backup, whole or a range of it."""

    permission_required = DOWNLOAD

    def get(self, request: HttpRequest, filename: str) -> HttpResponseBase:
        settings = Context.current().settings
        if not get_backup_file_data(filename):
            raise Http404(_("There is no such file."))
        try:
            answer = send_file(request, settings.backup_dir / filename, settings.sendfile)
        except (OSError, TrustbackupError) as error:
            raise Http404(str(error)) from error
        if goes_out(request, answer):
            audit(request, "download", filename)
        return answer


class BackupFilesDownloadMultipleView(Page, View):
    """Several backups as one zip or tar.gz."""

    permission_required = DOWNLOAD
    http_method_names = ["post"]

    def post(self, request: HttpRequest, archive_format: str) -> HttpResponseBase:
        if archive_format not in FORMATS:
            raise Http404(_("There is no such archive format."))
        selected = selected_in(request)
        if not selected:
            return nothing_selected(request)
        try:
            bundle = bundle_backups(selected, archive_format)
        except TrustbackupError as error:
            notices.error(request, translate(error))
            return redirect("trustbackup:manage")
        audit(request, "download", ", ".join(selected))
        return send_bundle(request, bundle)
