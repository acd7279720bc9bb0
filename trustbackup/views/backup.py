"""The list of backups and what can be done with them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
)
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.generic import View

from trustbackup.databases.process import DumperFailed
from trustbackup.exceptions import DumpError, FolderError, ProgramError, TrustbackupError
from trustbackup.models import Backup, Run
from trustbackup.operations.bundle import FORMATS, bundle_backups
from trustbackup.operations.create import create_backup
from trustbackup.operations.delete import delete_backups
from trustbackup.operations.site import Site
from trustbackup.runs.engine import ACTIVE, end_lost_runs
from trustbackup.runs.life import recorded
from trustbackup.store import catalog, names
from trustbackup.views import buttons, overview
from trustbackup.views.access import (
    ADD,
    DELETE,
    DESTINATION,
    DOWNLOAD,
    VIEW,
    Page,
    actor_of,
    address_of,
)
from trustbackup.views.answers import noted, nothing_selected, selected_in, started
from trustbackup.views.copies import add_copies
from trustbackup.views.forms import CreateForm, FilterForm
from trustbackup.views.listing import SORTS, Listing, ordering, sort_choices
from trustbackup.views.sending import send_bundle, send_file
from trustbackup.views.words import said


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
        site = Site.current()
        catalog.synchronise_if_changed(site.settings.root, site.signer)
        end_lost_runs()
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Backup]:
        found = Backup.objects.all()
        kinds = found.order_by().values_list("kind", flat=True).distinct()
        self.filters = FilterForm(sorted(kinds), self.request.GET)
        self.filters.is_valid()
        wanted = self.filters.cleaned_data
        if text := wanted.get("text"):
            found = found.filter(Q(identifier__icontains=text) | Q(name__icontains=text))
        if state := wanted.get("state"):
            found = found.filter(state=state)
        if kind := wanted.get("kind"):
            found = found.of_kind(kind)
        if alias := wanted.get("database"):
            found = found.of_database(alias)
        if since := wanted.get("since"):
            found = found.filter(created__date__gte=since)
        if until := wanted.get("until"):
            found = found.filter(created__date__lte=until)
        self.sort = self.request.GET.get("sort", self.default_sort_param)
        if self.sort.removeprefix("-") not in SORTS:
            self.sort = self.default_sort_param
        return found.order_by(*ordering(self.sort))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        total, used = overview.space_used()
        context = super().get_context_data(
            **{
                "form": CreateForm(),
                "filters": self.filters,
                "filtered": any(self.filters.cleaned_data.values()),
                "sort": self.sort,
                "sorts": sort_choices(self.sort),
                "query": self.query("page"),
                "unsorted": self.query("page", "sort"),
                "health": overview.health(),
                "strip": overview.strip(),
                "curve": overview.size_curve(),
                "total": total,
                "used": used,
                "active": Run.objects.filter(state__in=ACTIVE),
                "formats": list(FORMATS),
                "title": _("Backups"),
                **kwargs,
            }
        )
        add_copies(context[self.context_object_name])
        return context

    def post(self, request: HttpRequest) -> HttpResponse:
        """The buttons of the page; each has a name."""
        if "create_backup" in request.POST:
            return self._create(request)
        if _is_about_destinations(request):
            return buttons.press(request)
        messages.error(request, _("The page does not know this button; load it again."))
        return redirect("trustbackup:manage")

    def _create(self, request: HttpRequest) -> HttpResponse:
        form = CreateForm(request.POST)
        if not form.is_valid():
            for errors in form.errors.values():
                messages.error(request, " ".join(map(str, errors)))
            return redirect("trustbackup:manage")
        return started(request, "create", form.options())


def _is_about_destinations(request: HttpRequest) -> bool:
    pressed = any(button in request.POST for button in buttons.BUTTONS)
    return pressed and "create_backup" not in request.POST


class BackupFileDownloadView(Page, View):
    """One file of a backup, whole or a range of it."""

    permission_required = DOWNLOAD

    def get(self, request: HttpRequest, filename: str) -> HttpResponseBase:
        settings = Site.current().settings
        if not get_backup_file_data(filename):
            raise Http404(_("There is no such file."))
        try:
            answer = send_file(request, settings.root / filename, settings.sendfile)
        except (OSError, TrustbackupError) as error:
            raise Http404(str(error)) from error
        if request.method == "GET" and answer.status_code == 200:
            noted(request, "download", filename)
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
            messages.error(request, said(error))
            return redirect("trustbackup:manage")
        noted(request, "download", ", ".join(selected))
        return send_bundle(request, bundle)


class BackupFilesDeleteMultipleView(Page, View):
    """Delete several, after a page that lists them and asks."""

    permission_required = DELETE
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        selected = selected_in(request)
        if not selected:
            return nothing_selected(request)
        if "confirmed" not in request.POST:
            return self._ask(request, selected)
        protected = _protected(selected)
        if protected and "protected_too" not in request.POST:
            messages.error(request, _("Nothing was deleted: tick the box for the last good one."))
            return self._ask(request, selected)
        with recorded(
            "delete", ", ".join(selected), actor=actor_of(request), address=address_of(request)
        ) as life:
            outcomes = delete_backups(selected)
            gone = [outcome.id for outcome in outcomes if not outcome.error]
            life.outcome["deleted"] = gone
        for outcome in outcomes:
            if outcome.error:
                messages.error(request, said(outcome.error))
        if gone:
            text = ngettext("%d backup was deleted.", "%d backups were deleted.", len(gone))
            messages.success(request, text % len(gone))
        return redirect("trustbackup:manage")

    def _ask(self, request: HttpRequest, selected: list[str]) -> HttpResponse:
        found = list(Backup.objects.filter(identifier__in=selected))
        context = self.get_context_data(
            backups=found,
            missing=sorted(set(selected) - {backup.identifier for backup in found}),
            protected=_protected(selected),
            selected=selected,
            title=_("Delete backups?"),
        )
        return render(request, "settings/backups/delete.html", context)


def _protected(selected: Sequence[str]) -> str:
    """The last proven backup, or the last complete one where none is, if it was selected."""
    good = Backup.objects.whole().order_by("-created", "-pk")
    last = good.filter(drilled_ok=True).first() or good.first()
    return last.identifier if last and last.identifier in selected else ""


def get_backup_file_data(filename: str) -> dict[str, Any]:
    """What the disk says of a file in the backup folder; ``{}`` when it is no regular one.

    ``created_at`` and ``modified_at`` are ``YYYY-MM-DD HH:MM:SS`` in UTC, ``size_kb`` is in
    KiB to one decimal.
    """
    parsed = names.parse(filename)
    if parsed is None:
        return {}
    path = Site.current().settings.root / filename
    try:
        status = path.lstat()
    except (OSError, ValueError):
        return {}
    if not path.is_file() or path.is_symlink():
        return {}
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    created = names.time_of(parsed.id) or modified
    return {
        "filename": filename,
        "created_at": f"{created:%Y-%m-%d %H:%M:%S}",
        "modified_at": f"{modified:%Y-%m-%d %H:%M:%S}",
        "size_kb": round(status.st_size / 1024, 1),
    }


def create_db_backup(path: str | os.PathLike[str]) -> str:
    """Back the databases up into the folder ``path``, now; the first new file's name.

    For code that wants it done when the call returns; the page itself starts a run. Raises
    OSError when the folder can't be made or written, DumperFailed (a CalledProcessError) when
    a dumper fails, and TrustbackupError for wrong settings.
    """
    root = Path(path).absolute()
    try:
        manifest = create_backup(root=root, trigger="code")
    except FolderError as error:
        cause = error.__cause__
        number = cause.errno if isinstance(cause, OSError) else None
        raise OSError(number, str(error), str(root)) from error
    except (DumpError, ProgramError) as error:
        raise DumperFailed(str(error)) from error
    return manifest.parts[0].file
