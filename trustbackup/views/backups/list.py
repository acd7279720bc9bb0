"""The list of backups, and the buttons beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
)
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from trustbackup.exceptions import TrustbackupError
from trustbackup.models import AuditEvent, Backup, Copy, Run
from trustbackup.operations.context import Context
from trustbackup.operations.health import site_health
from trustbackup.operations.restore.undo import list_restores
from trustbackup.operations.transfer.bundle import FORMATS
from trustbackup.runs.queue import fail_stale_runs
from trustbackup.store import catalog
from trustbackup.views import dashboard, notices
from trustbackup.views.backups.listing import SORTS, Listing, ordering, sort_choices
from trustbackup.views.base import (
    ADD,
    DESTINATION,
    VIEW,
    may_restore,
    takes_secrets,
)
from trustbackup.views.destinations import sftp_shortcuts
from trustbackup.views.forms import CreateForm, FilterForm
from trustbackup.views.responses import start_run_response


@takes_secrets
class BackupManageView(Listing):
    """Settings → Backups: is this site safe, what is there, and a button for the next one."""

    model = Backup
    template_name = "settings/backups/manage_backups.html"
    context_object_name = "backup_files"
    default_sort_param = "-name"

    def get_permission_required(self) -> Sequence[str]:
        if self.request.method in ("GET", "HEAD", "OPTIONS"):
            return [VIEW]
        return [VIEW, DESTINATION if _is_about_destinations(self.request) else ADD]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401
        context = Context.current()
        catalog.synchronise_if_changed(context.folder)
        fail_stale_runs()
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Backup]:
        found = Backup.objects.all()
        self.filters = FilterForm(found.kinds(), self.request.GET)
        self.filters.is_valid()
        wanted = self.filters.cleaned_data
        if text := wanted.get("text"):
            found = found.named_like(text)
        if state := wanted.get("state"):
            found = found.filter(state=state)
        if kind := wanted.get("kind"):
            found = found.of_kind(kind)
        if alias := wanted.get("database"):
            found = found.of_database(alias)
        found = found.created_between(wanted.get("since"), wanted.get("until"))
        self.sort = self.request.GET.get("sort", self.default_sort_param)
        if self.sort.removeprefix("-") not in SORTS:
            self.sort = self.default_sort_param
        return found.order_by(*ordering(self.sort))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        total, used = Backup.objects.space_used()
        context = super().get_context_data(
            **{
                "form": CreateForm(),
                "filters": self.filters,
                "filtered": any(self.filters.cleaned_data.values()),
                "sort": self.sort,
                "sorts": sort_choices(self.sort),
                "query": self.query("page"),
                "unsorted": self.query("page", "sort"),
                "health": site_health(),
                "strip": dashboard.strip(),
                "curve": dashboard.size_curve(),
                "total": total,
                "used": used,
                "active": Run.objects.active(),
                "sheet_printed": AuditEvent.objects.newest(AuditEvent.SHEET_PRINTED),
                **self._undoable(),
                "formats": list(FORMATS),
                "title": _("Backups"),
                **kwargs,
            }
        )
        _attach_copies(context[self.context_object_name])
        return context

    def _undoable(self) -> dict[str, Any]:
        """The last restore, while it can be undone, for those who may."""
        if not may_restore(self.request):
            return {}
        try:
            newest = next(iter(list_restores()), None)
        except TrustbackupError:
            return {}  # restoring says what is wrong; the list is of backups
        if newest is None:
            return {}
        return {"undoable": newest, "restored_at": datetime.fromisoformat(newest.started)}

    def post(self, request: HttpRequest) -> HttpResponse:
        """The buttons of the page; each has a name."""
        if "create_backup" in request.POST:
            return self._create(request)
        if _is_about_destinations(request):
            return sftp_shortcuts.press(request)
        notices.error(request, _("The page does not know this button; load it again."))
        return redirect("trustbackup:manage")

    def _create(self, request: HttpRequest) -> HttpResponse:
        form = CreateForm(request.POST)
        if not form.is_valid():
            for errors in form.errors.values():
                notices.error(request, " ".join(map(str, errors)))
            return redirect("trustbackup:manage")
        return start_run_response(request, "create", form.options())


def _attach_copies(backups: Iterable[Backup]) -> None:
    """Give each of them its ``copies``; one query for all."""
    shown = {backup.identifier: backup for backup in backups}
    for backup in shown.values():
        backup.copies = []
    for copy in Copy.objects.of(*shown):
        shown[copy.identifier].copies.append(copy)


def _is_about_destinations(request: HttpRequest) -> bool:
    pressed = any(button in request.POST for button in sftp_shortcuts.BUTTONS)
    return pressed and "create_backup" not in request.POST
