"""Putting uploaded files back: what would change, then the folder's name and the password."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.generic import View

from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.restore.media_plan import MediaPlan, MediaRequest, plan_media_restore
from trustbackup.store import catalog
from trustbackup.store.backup_files import BackupFiles
from trustbackup.views.backups.restorable import (
    FILES_PART,
    file_parts,
    find_entry,
    in_objects,
    is_small,
    manifest_of,
    single_parts,
)
from trustbackup.views.base import RestorePage, takes_secrets
from trustbackup.views.confirmation import ConfirmForm, environment_to_type, names_to_type
from trustbackup.views.responses import start_run_response


@takes_secrets
class MediaRestoreView(RestorePage, View):
    """What a restore of a backup's uploaded files alone would change; a form that starts it."""

    http_method_names = ["get", "post"]

    def get(self, request: HttpRequest, identifier: str) -> HttpResponse:
        entry = find_entry(identifier)
        plan, problem = _plan(entry)
        return self._page(request, entry, plan, None, problem)

    def post(self, request: HttpRequest, identifier: str) -> HttpResponse:
        entry = find_entry(identifier)
        plan, problem = _plan(entry)
        if plan is None or plan.refusals:
            return self._page(request, entry, plan, None, problem)
        form = _form(plan, request, request.POST)
        if not form.is_valid():
            return self._page(request, entry, plan, form)
        options = {"backup": plan.entry.id, "files": True, "databases": False}
        options["environment"] = form.cleaned_data.get("environment", "")
        return start_run_response(request, "restore", options, target=plan.entry.id)

    def _page(
        self,
        request: HttpRequest,
        entry: BackupFiles,
        plan: MediaPlan | None,
        form: ConfirmForm | None,
        problem: str = "",
    ) -> HttpResponse:
        manifest = manifest_of(entry)
        form_shown = form or (_form(plan, request) if plan else None)
        parts = single_parts(manifest)
        context: dict[str, Any] = {
            "plan": plan,
            "problem": problem,
            "backup": catalog.describe(entry),
            "hashed": is_small(entry) and not in_objects(manifest),
            "offloaded": entry.offloaded(),
            "parts": parts,
            "chosen": FILES_PART,
            "identifier": entry.id,
            "file_parts": file_parts(manifest),
            "of_media": not parts,
            "expected": form_shown.expected if form_shown else "",
            "form": form_shown,
            "title": _("Restore %(backup)s?") % {"backup": entry.id},
        }
        status = 200 if form is None else 422
        page = "settings/backups/restore_media.html"
        return render(request, page, self.get_context_data(**context), status=status)


def _plan(entry: BackupFiles) -> tuple[MediaPlan | None, str]:
    try:
        return plan_media_restore(
            entry.id, MediaRequest(environment=None), hashes=is_small(entry)
        ), ""
    except TrustbackupError as error:
        return None, str(error)


def _form(plan: MediaPlan, request: HttpRequest, *data: Any) -> ConfirmForm:  # noqa: ANN401
    names = names_to_type([each.target.alias for each in plan.folders if each.target])
    asked = environment_to_type(manifest_of(plan.entry))
    return ConfirmForm(names, request, *data, has_folders=True, environment=asked)
