"""The uploaded files of a backup: looked through, downloaded, put back one by one."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

from django.core.paginator import Page as ListPage
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.generic import View

from trustbackup.contents.media.browse import (
    Listed,
    ListedPage,
    path_as_text,
    path_from_text,
)
from trustbackup.contents.media.index import MemberKind
from trustbackup.contents.media.walk import readable
from trustbackup.exceptions import BackupNotFound
from trustbackup.operations.restore.media_browse import (
    FilesPart,
    download_files,
    find_files_part,
    look_into,
)
from trustbackup.views.backups.restorable import find_entry
from trustbackup.views.base import DOWNLOAD, VIEW, Page
from trustbackup.views.forms import FilesForm
from trustbackup.views.labels import translate
from trustbackup.views.responses import audit
from trustbackup.views.sending import send_bundle

A_PAGE = 100
"""Files and folders that a page shows."""


class FilesView(Page, View):
    """A folder of a backup, or what was found in it.

    Names of files are contents: who may not download does not see them.
    """

    permission_required = (VIEW, DOWNLOAD)
    http_method_names = ["get"]

    def get(self, request: HttpRequest, identifier: str) -> HttpResponse:
        where = _find_part(request, identifier)
        folder = path_from_text(request.GET.get("path", ""))
        form = FilesForm(request.GET)
        text = form.cleaned_data["text"] if form.is_valid() else ""
        shown = _Shown(request.GET.get("page", ""))
        found = _look(where, folder, text, shown.first)
        if found.total and not found.items:  # a page behind the last one
            shown = _Shown(str(-(-found.total // A_PAGE)))
            found = _look(where, folder, text, shown.first)
        context = {
            "backup_id": identifier,
            "part": where.part.part,
            "parts": where.names,
            "folder": folder,
            "shown_name": readable(folder.rpartition("/")[2]),
            "folder_text": path_as_text(folder),
            "above": _above(where, folder),
            "address": _query(where, folder),
            "found": found,
            "items": [_Row(where, item, text, folder) for item in found.items],
            "text": text,
            "form": form,
            "page_obj": shown.of(found.total),
            "query": _query(where, folder, text=text),
            "title": _("Files of backup %(backup)s") % {"backup": identifier},
        }
        return render(request, "settings/backups/files.html", self.get_context_data(**context))


class FilesDownloadView(Page, View):
    """One file of a backup, or a folder as a zip."""

    permission_required = (VIEW, DOWNLOAD)
    http_method_names = ["get"]

    def get(self, request: HttpRequest, identifier: str) -> HttpResponseBase:
        where = _find_part(request, identifier)
        path = path_from_text(request.GET.get("path", ""))
        try:
            bundle = download_files(where, path)
        except BackupNotFound as error:
            raise Http404(translate(error)) from error
        audit(request, "download", f"{identifier} {where.part.part}/{readable(path)}"[:200])
        return send_bundle(request, bundle)


class _Shown:
    """The page that an address asks for; anything else is the first."""

    def __init__(self, text: str) -> None:
        is_number = text.isascii() and text.isdigit() and len(text) < 10
        self.number = max(1, int(text)) if is_number else 1

    @property
    def first(self) -> int:
        return (self.number - 1) * A_PAGE

    def of(self, total: int) -> ListPage[int]:
        return Paginator(range(total), A_PAGE).get_page(self.number)


class _Row:
    """One line of the page."""

    def __init__(self, where: FilesPart, item: Listed, text: str, folder: str) -> None:
        self.item = item
        below = item.path[len(folder) + 1 :] if folder and text else item.path
        self.name = readable(below if text else item.name)
        self.address = _query(where, item.path)
        self.is_folder = item.kind is MemberKind.FOLDER
        self.is_link = item.kind is MemberKind.LINK
        self.has_sums = self.is_folder and not text
        self.moment = datetime.fromtimestamp(item.mtime // 10**9, UTC)


def _find_part(request: HttpRequest, identifier: str) -> FilesPart:
    """Raises Http404, TrustbackupError."""
    try:
        return find_files_part(find_entry(identifier), request.GET.get("part", ""))
    except BackupNotFound as error:
        raise Http404(translate(error)) from error


def _look(where: FilesPart, folder: str, text: str, first: int) -> ListedPage:
    try:
        return look_into(where, folder, text, first=first, most=A_PAGE)
    except BackupNotFound as error:
        raise Http404(translate(error)) from error


def _above(where: FilesPart, folder: str) -> list[tuple[str, str]]:
    """The folders on the way to this one: names, and queries of their addresses."""
    names = folder.split("/") if folder else []
    return [
        (readable(name), _query(where, "/".join(names[: depth + 1])))
        for depth, name in enumerate(names[:-1])
    ]


def _query(where: FilesPart, path: str, **more: str) -> str:
    values = {"part": where.part.part, "path": path_as_text(path), **more}
    return urlencode({name: value for name, value in values.items() if value})
