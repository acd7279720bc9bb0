"""Going back to a backup: the plan, then the database's name and the password again; undo."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.generic import View

from trustbackup.contents.app_data.row_set import SETTINGS
from trustbackup.exceptions import BackupNotFound, TrustbackupError
from trustbackup.operations.backup.app_data import holds_app, rows_part
from trustbackup.operations.context import Context
from trustbackup.operations.restore.full_plan import (
    DATABASE_PART,
    FullPlan,
    holds_everything,
    plan_full_restore,
)
from trustbackup.operations.restore.plan import RestorePlan, RestoreRequest
from trustbackup.operations.restore.sessions import hash_of
from trustbackup.operations.restore.undo import find_undoable
from trustbackup.store import catalog
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.journal_entry import JournalEntry
from trustbackup.views.backups.app_restore import AppRestoreView
from trustbackup.views.base import RestorePage, no_such_backup, takes_secrets
from trustbackup.views.confirmation import ConfirmForm, names_to_type
from trustbackup.views.forms import RestoreForm
from trustbackup.views.responses import start_run_response

CHECKED_AT_ONCE = 200_000_000
"""Bytes that are hashed while the page is waited for; the run itself hashes everything."""


@takes_secrets
class RestoreView(RestorePage, View):
    """What a restore would change; a form that starts it."""

    http_method_names = ["get", "post"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401
        """Single rows have a page of their own, which asks for the same rights."""
        part = request.POST.get("part", request.GET.get("part", ""))
        if _is_app(kwargs["identifier"]) or part == SETTINGS:
            return AppRestoreView.as_view()(request, *args, **kwargs)
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, identifier: str) -> HttpResponse:
        return self._page(request, identifier, None)

    def post(self, request: HttpRequest, identifier: str) -> HttpResponse:
        plan, problem = self._plan(request, identifier)
        if plan is None or plan.refusals:
            return self._page(request, identifier, None, problem)
        form = RestoreForm(names_to_type(plan.aliases), request, request.POST)
        if not form.is_valid():
            return self._page(request, identifier, form)
        options = {
            "backup": plan.databases.entry.id,
            "files": plan.files is not None,
            "strategy": form.cleaned_data["strategy"],
            "migrate": form.cleaned_data["migrate"],
            "session": hash_of(request.session.session_key),
        }
        return start_run_response(request, "restore", options, target=plan.databases.entry.id)

    def _plan(self, request: HttpRequest, identifier: str) -> tuple[FullPlan | None, str]:
        part = request.POST.get("part", request.GET.get("part", ""))
        try:
            entry = Context.current().folder.find(identifier)
        except BackupNotFound as error:
            raise no_such_backup(identifier) from error
        try:
            return plan_full_restore(
                entry.id, RestoreRequest(), hashes=_is_small(entry), files=part != DATABASE_PART
            ), ""
        except TrustbackupError as error:
            return None, str(error)

    def _page(
        self, request: HttpRequest, identifier: str, form: RestoreForm | None, problem: str = ""
    ) -> HttpResponse:
        whole, found = self._plan(request, identifier)
        plan = whole.databases if whole else None
        expected = names_to_type(whole.aliases) if whole else ""
        context: dict[str, Any] = {
            "plan": plan,
            "whole": whole,
            "only_databases": whole is not None and whole.files is None,
            "parts": _parts(plan) if plan else [],
            "backup": catalog.describe(plan.entry) if plan else None,
            "hashed": plan is not None and _is_small(plan.entry),
            "problem": problem or found,
            "expected": expected,
            "form": form or RestoreForm(expected, request),
            "title": _("Restore %(backup)s?") % {"backup": identifier},
        }
        status = 200 if form is None else 422
        page = "settings/backups/restore.html"
        return render(request, page, self.get_context_data(**context), status=status)


def _is_app(identifier: str) -> bool:
    """What can't be read, and what is not there, is for the page itself to say."""
    with suppress(TrustbackupError):
        return holds_app(Context.current().folder.find(identifier))
    return False


def _is_small(entry: BackupFiles) -> bool:
    return sum(entry.files.values()) <= CHECKED_AT_ONCE


def _parts(plan: RestorePlan) -> list[str]:
    """What of a full backup can be restored by itself on the page."""
    manifest = plan.manifest
    if manifest is None or not holds_everything(manifest):
        return []
    has_files = any(part.files for part in manifest.parts)
    found = [DATABASE_PART] if has_files else []
    return [*found, SETTINGS] if rows_part(manifest) else found


@takes_secrets
class UndoView(RestorePage, View):
    """Swap the old databases of a restore back in, after a page that says what it does and asks."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        wanted = request.POST.get("restore", "")[:200]
        try:
            entries = find_undoable(Context.current(), wanted)
        except TrustbackupError as error:
            context = self.get_context_data(problem=str(error), title=_("Not found"))
            return render(request, "settings/backups/problem.html", context, status=404)
        expected = names_to_type([entry.alias for entry in entries])
        if "typed" not in request.POST:
            return self._ask(request, entries, ConfirmForm(expected, request), 200)
        form = ConfirmForm(expected, request, request.POST)
        if not form.is_valid():
            return self._ask(request, entries, form, 422)
        options = {"restore": entries[0].restore, "session": hash_of(request.session.session_key)}
        return start_run_response(request, "undo", options, target=entries[0].restore)

    def _ask(
        self, request: HttpRequest, entries: list[JournalEntry], form: ConfirmForm, status: int
    ) -> HttpResponse:
        context = self.get_context_data(
            entries=entries,
            restore=entries[0].restore,
            only_folders=all(entry.is_folder for entry in entries),
            expected=form.expected,
            form=form,
            title=_("Undo this restore?"),
        )
        return render(request, "settings/backups/undo.html", context, status=status)
