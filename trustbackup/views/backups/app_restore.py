"""Putting one app's data or the settings back: what would change, then a name and the password."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy
from django.views.generic import View

from trustbackup.contents.app_data.mode import Mode
from trustbackup.contents.app_data.row_set import SETTINGS
from trustbackup.contents.app_data.survey import Counts
from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.backup.app_data import restore_command
from trustbackup.operations.restore.app_plan import AppPlan, parse_mode, plan_app_restore, rows_read
from trustbackup.views.backups.restorable import find_entry, manifest_of, single_parts
from trustbackup.views.base import RestorePage, takes_secrets
from trustbackup.views.confirmation import environment_to_type
from trustbackup.views.forms import AppRestoreForm
from trustbackup.views.responses import start_run_response

LOOKED_AT_ONCE = 20_000
"""Rows, here and in the backup, that are compared while the page is waited for."""
MODES = {
    Mode.ADD: pgettext_lazy("a way to restore rows", "Add what is missing"),
    Mode.UPDATE: pgettext_lazy("a way to restore rows", "Add and update"),
    Mode.REPLACE: pgettext_lazy("a way to restore rows", "Replace all rows"),
}


@takes_secrets
class AppRestoreView(RestorePage, View):
    """What a restore of one app's data would change; a form that starts it."""

    http_method_names = ["get", "post"]

    def get(self, request: HttpRequest, identifier: str) -> HttpResponse:
        mode = _known_mode(request.GET.get("mode", ""))
        plan, problem = self._plan(identifier, mode)
        return self._page(request, identifier, mode, plan, None, problem)

    def post(self, request: HttpRequest, identifier: str) -> HttpResponse:
        mode = _known_mode(request.POST.get("mode", ""))
        plan, problem = self._plan(identifier, mode)
        if plan is None or plan.refusals:
            return self._page(request, identifier, mode, plan, None, problem)
        form = _form(plan, request, request.POST)
        if request.POST.get("shown", "") != digest_of(plan):
            problem = _("What would happen to rows of other apps has changed: look at it again.")
            return self._page(request, identifier, mode, plan, form, problem)
        if not form.is_valid():
            return self._page(request, identifier, mode, plan, form)
        options = {
            "backup": plan.entry.id,
            "mode": str(mode),
            "outside": list(plan.found.outside),
            "environment": form.cleaned_data.get("environment", ""),
        }
        return start_run_response(request, "restore", options, target=plan.entry.id)

    def _plan(self, identifier: str, mode: Mode) -> tuple[AppPlan | None, str]:
        entry = find_entry(identifier)
        if offloaded := entry.offloaded():
            text = _("Its data is at %(where)s only. Bring it back first, then look here again.")
            return None, text % {"where": offloaded.where}
        try:
            if rows_read(entry) > LOOKED_AT_ONCE:
                return None, ""
            return plan_app_restore(entry.id, mode, environment=None), ""
        except TrustbackupError as error:
            return None, str(error)

    def _page(
        self,
        request: HttpRequest,
        identifier: str,
        mode: Mode,
        plan: AppPlan | None,
        form: AppRestoreForm | None,
        problem: str = "",
    ) -> HttpResponse:
        label = plan.label if plan else ""
        of_settings = plan is not None and plan.rows.is_settings
        context: dict[str, Any] = {
            "plan": plan,
            "problem": problem,
            "too_large": plan is None and not problem,
            "command": restore_command(identifier, mode),
            "mode": str(mode),
            "modes": {str(each): said for each, said in MODES.items()},
            "models": _by_name(plan) if plan else {},
            "outside": plan.found.outside if plan else ({}, {}),
            "shown": digest_of(plan) if plan else "",
            "expected": label,
            "form": form or (_form(plan, request) if plan else None),
            "of_settings": of_settings,
            "parts": single_parts(manifest_of(find_entry(identifier))),
            "chosen": SETTINGS,
            "identifier": identifier,
            "title": _("Restore %(backup)s?") % {"backup": identifier},
        }
        status = 200 if form is None else 422
        page = "settings/backups/restore_app.html"
        return render(request, page, self.get_context_data(**context), status=status)


def _form(plan: AppPlan, request: HttpRequest, *data: Any) -> AppRestoreForm:  # noqa: ANN401
    return AppRestoreForm(
        plan.label,
        request,
        *data,
        of_settings=plan.rows.is_settings,
        environment=environment_to_type(manifest_of(plan.entry)),
    )


def _by_name(plan: AppPlan) -> dict[str, Counts]:
    """All are of one app, whose label would only take room; settings are of several."""
    if plan.rows.is_settings:
        return dict(plan.found.counts)
    return {label.partition(".")[2]: counts for label, counts in plan.found.counts.items()}


def _known_mode(name: str) -> Mode:
    """What makes no sense is what a careful operator would choose."""
    try:
        return parse_mode(name)
    except TrustbackupError:
        return Mode.UPDATE


def digest_of(plan: AppPlan) -> str:
    """Tells whether the page that was looked at said the same of other apps' rows."""
    text = json.dumps(plan.found.outside, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
