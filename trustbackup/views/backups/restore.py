"""Going back to a backup: the plan, then the database's name and the password again; undo."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.generic import View

from trustbackup.contents.app_data.row_set import SETTINGS
from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.backup.app_data import holds_app
from trustbackup.operations.backup.media import holds_media
from trustbackup.operations.context import Context
from trustbackup.operations.restore.full_plan import (
    DATABASE_PART,
    FullPlan,
    plan_full_restore,
)
from trustbackup.operations.restore.plan import RestoreRequest
from trustbackup.operations.restore.sessions import hash_of
from trustbackup.operations.restore.undo import find_undoable
from trustbackup.store import catalog
from trustbackup.store.journal_entry import JournalEntry
from trustbackup.views.backups.app_restore import AppRestoreView
from trustbackup.views.backups.media_restore import MediaRestoreView
from trustbackup.views.backups.restorable import (
    FILES_PART,
    find_entry,
    in_objects,
    is_small,
    single_parts,
)
from trustbackup.views.base import RestorePage, takes_secrets
from trustbackup.views.confirmation import ConfirmForm, environment_to_type, names_to_type
from trustbackup.views.forms import RestoreForm
from trustbackup.views.responses import start_run_response


@takes_secrets
class RestoreView(RestorePage, View):
    """What a restore would change; a form that starts it."""

    http_method_names = ["get", "post"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401
        """Single rows, and files alone, have pages of their own, which ask for the same rights."""
        part = request.POST.get("part", request.GET.get("part", ""))
        of_app, of_media = _is_single(kwargs["identifier"])
        if of_app or part == SETTINGS:
            return AppRestoreView.as_view()(request, *args, **kwargs)
        if of_media or part == FILES_PART:
            return MediaRestoreView.as_view()(request, *args, **kwargs)
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, identifier: str) -> HttpResponse:
        return self._page(request, identifier, None)

    def post(self, request: HttpRequest, identifier: str) -> HttpResponse:
        plan, problem = self._plan(request, identifier)
        if plan is None or plan.refusals:
            return self._page(request, identifier, None, problem)
        form = _form(plan, request, request.POST)
        if not form.is_valid():
            return self._page(request, identifier, form)
        options = {
            "backup": plan.databases.entry.id,
            "files": plan.files is not None,
            "strategy": form.cleaned_data["strategy"],
            "migrate": form.cleaned_data["migrate"],
            "environment": form.cleaned_data.get("environment", ""),
            "session": hash_of(request.session.session_key),
        }
        return start_run_response(request, "restore", options, target=plan.databases.entry.id)

    def _plan(self, request: HttpRequest, identifier: str) -> tuple[FullPlan | None, str]:
        part = request.POST.get("part", request.GET.get("part", ""))
        entry = find_entry(identifier)
        try:
            return plan_full_restore(
                entry.id,
                RestoreRequest(environment=None),
                hashes=is_small(entry),
                files=part != DATABASE_PART,
            ), ""
        except TrustbackupError as error:
            return None, str(error)

    def _page(
        self, request: HttpRequest, identifier: str, form: RestoreForm | None, problem: str = ""
    ) -> HttpResponse:
        status = 200 if form is None else 422
        whole, found = self._plan(request, identifier)
        plan = whole.databases if whole else None
        form = form or (_form(whole, request) if whole else None)
        parts = single_parts(plan.manifest) if plan else []
        alone = whole is not None and whole.files is None and DATABASE_PART in parts
        context: dict[str, Any] = {
            "plan": plan,
            "whole": whole,
            "parts": parts,
            "chosen": DATABASE_PART if alone else "",
            "identifier": identifier,
            "backup": catalog.describe(plan.entry) if plan else None,
            "hashed": plan is not None and is_small(plan.entry) and not in_objects(plan.manifest),
            "problem": problem or found,
            "expected": form.expected if form else "",
            "form": form,
            "title": _("Restore %(backup)s?") % {"backup": identifier},
        }
        page = "settings/backups/restore.html"
        return render(request, page, self.get_context_data(**context), status=status)


def _form(plan: FullPlan, request: HttpRequest, *data: Any) -> RestoreForm:  # noqa: ANN401
    names = names_to_type(plan.aliases)
    return RestoreForm(
        names,
        request,
        *data,
        has_folders=bool(plan.folders),
        environment=environment_to_type(plan.databases.manifest),
    )


def _is_single(identifier: str) -> tuple[bool, bool]:
    """Whether it is rows alone, or uploaded files alone.

    What can't be read, and what is not there, is for the page itself to say.
    """
    with suppress(TrustbackupError):
        entry = Context.current().folder.find(identifier)
        return holds_app(entry), holds_media(entry)
    return False, False


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
        folders = any(entry.is_folder for entry in entries)
        if "typed" not in request.POST:
            form = ConfirmForm(expected, request, has_folders=folders)
            return self._ask(request, entries, form, 200)
        form = ConfirmForm(expected, request, request.POST, has_folders=folders)
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
