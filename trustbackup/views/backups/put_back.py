"""Putting one file or folder of a backup back: what would change, then how, and the password."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.generic import View

from trustbackup.contents.media.browse import path_as_text, path_from_text
from trustbackup.contents.media.walk import readable
from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.restore.media_files import Overwrite
from trustbackup.operations.restore.media_plan import MediaPlan, MediaRequest, plan_media_restore
from trustbackup.operations.restore.media_preview import FilesPreview, preview_files
from trustbackup.store.backup_files import BackupFiles
from trustbackup.views.backups.restorable import find_entry, manifest_of
from trustbackup.views.base import RestorePage, takes_secrets
from trustbackup.views.confirmation import environment_to_type
from trustbackup.views.forms import PutBackForm
from trustbackup.views.responses import start_run_response


@takes_secrets
class PutBackView(RestorePage, View):
    """What would become of a file, or of each in a folder; a form that starts it."""

    http_method_names = ["get", "post"]

    def get(self, request: HttpRequest, identifier: str) -> HttpResponse:
        return self._page(request, _Asked(request, find_entry(identifier)), None)

    def post(self, request: HttpRequest, identifier: str) -> HttpResponse:
        asked = _Asked(request, find_entry(identifier))
        if asked.preview is None or asked.plan is None or asked.plan.refusals:
            return self._page(request, asked, None)
        form = _form(asked, request, request.POST)
        if not form.is_valid():
            return self._page(request, asked, form)
        options = {
            "backup": asked.entry.id,
            "databases": False,
            "files": True,
            "part": asked.part,
            "path": path_as_text(asked.path),
            "overwrite": form.cleaned_data["overwrite"],
            "environment": form.cleaned_data.get("environment", ""),
        }
        target = f"{asked.entry.id} {asked.shown}"[:200]
        return start_run_response(request, "restore", options, target=target)

    def _page(self, request: HttpRequest, asked: _Asked, form: PutBackForm | None) -> HttpResponse:
        preview = asked.preview
        if preview is not None and preview.files == 1:
            title = _("Put this file back?")
        else:
            title = _("Put these files back?")
        context: dict[str, Any] = {
            "backup_id": asked.entry.id,
            "asked": asked,
            "plan": asked.plan,
            "preview": preview,
            "ways": [(how, preview.writes(how)) for how in Overwrite] if preview else [],
            "problem": asked.problem,
            "form": form or _form(asked, request),
            "title": title,
        }
        status = 200 if form is None else 422
        page = "settings/backups/put_back.html"
        return render(request, page, self.get_context_data(**context), status=status)


def _form(asked: _Asked, request: HttpRequest, *data: Any) -> PutBackForm:  # noqa: ANN401
    environment = environment_to_type(manifest_of(asked.entry))
    return PutBackForm(asked.part, request, *data, has_folders=True, environment=environment)


class _Asked:
    """What an address names, and what putting it back would do."""

    def __init__(self, request: HttpRequest, entry: BackupFiles) -> None:
        self.entry = entry
        self.part = request.GET.get("part", "")[:200]
        self.path = path_from_text(request.GET.get("path", ""))
        self.plan: MediaPlan | None = None
        self.preview: FilesPreview | None = None
        self.problem = ""
        try:
            wanted = MediaRequest(parts=(self.part,), beside=False, environment=None)
            self.plan = plan_media_restore(entry.id, wanted, hashes=False, count=False)
            if not self.plan.refusals:
                (self.preview,) = preview_files(self.plan, [self.path] if self.path else [])
        except TrustbackupError as error:
            self.problem = str(error)

    @property
    def shown(self) -> str:
        return f"{self.part}/{readable(self.path)}"

    @property
    def address(self) -> str:
        """The query of the folder that it lies in."""
        folder = self.path.rpartition("/")[0]
        values = {"part": self.part, "path": path_as_text(folder)}
        return urlencode({name: value for name, value in values.items() if value})
