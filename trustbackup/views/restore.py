"""Going back to a backup: the plan, then the database's name and the password again; undo."""

from __future__ import annotations

from typing import Any

from django.db import connections
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View

from trustbackup.exceptions import BackupNotFound, TrustbackupError
from trustbackup.operations.plan import RestorePlan, plan_restore
from trustbackup.operations.rules import own_tables
from trustbackup.operations.sessions import hash_of
from trustbackup.operations.site import Site
from trustbackup.store import catalog
from trustbackup.store.entry import Entry
from trustbackup.views.access import RESTORE, VIEW, Page, no_such_backup
from trustbackup.views.answers import started
from trustbackup.views.forms import RestoreForm

CHECKED_AT_ONCE = 200_000_000
"""Bytes that are hashed while the page is waited for; the run itself hashes everything."""


@method_decorator(sensitive_post_parameters("password"), name="dispatch")
class RestoreView(Page, View):
    """What a restore would change; a form that starts it."""

    permission_required = (VIEW, RESTORE)
    http_method_names = ["get", "post"]

    def get(self, request: HttpRequest, identifier: str) -> HttpResponse:
        return self._page(request, identifier, None)

    def post(self, request: HttpRequest, identifier: str) -> HttpResponse:
        plan, problem = self._plan(identifier)
        if plan is None or plan.refusals:
            return self._page(request, identifier, None, problem)
        form = RestoreForm(_name_to_type(plan), request.user, request.POST)
        if not form.is_valid():
            return self._page(request, identifier, form)
        options = {
            "backup": plan.entry.id,
            "strategy": form.cleaned_data["strategy"],
            "migrate": form.cleaned_data["migrate"],
            "session": hash_of(request.session.session_key),
        }
        return started(request, "restore", options, target=plan.entry.id)

    def _plan(self, identifier: str) -> tuple[RestorePlan | None, str]:
        try:
            entry = catalog.find(Site.current().settings.root, identifier)
        except BackupNotFound as error:
            raise no_such_backup(identifier) from error
        try:
            return plan_restore(entry.id, hashes=_is_small(entry)), ""
        except TrustbackupError as error:
            return None, str(error)

    def _page(
        self, request: HttpRequest, identifier: str, form: RestoreForm | None, problem: str = ""
    ) -> HttpResponse:
        plan, found = self._plan(identifier)
        expected = _name_to_type(plan) if plan else ""
        context: dict[str, Any] = {
            "plan": plan,
            "backup": catalog.describe(plan.entry, Site.current().signer) if plan else None,
            "hashed": plan is not None and _is_small(plan.entry),
            "problem": problem or found,
            "own": own_tables(),
            "expected": expected,
            "form": form or RestoreForm(expected, request.user),
            "title": _("Restore %(backup)s?") % {"backup": identifier},
        }
        status = 200 if form is None else 422
        page = "settings/backups/restore.html"
        return render(request, page, self.get_context_data(**context), status=status)


def _is_small(entry: Entry) -> bool:
    return sum(entry.files.values()) <= CHECKED_AT_ONCE


def _name_to_type(plan: RestorePlan) -> str:
    """The name of the first database that would be replaced; of a file, its last part."""
    name = str(connections[plan.parts[0].alias].settings_dict["NAME"])
    return name.rsplit("/", 1)[-1]


class UndoView(Page, View):
    """Swap the old database of a restore back in."""

    permission_required = (VIEW, RESTORE)
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponseRedirect:
        wanted = request.POST.get("restore", "")[:200]
        mine = hash_of(request.session.session_key)
        return started(request, "undo", {"restore": wanted, "session": mine}, target=wanted)
