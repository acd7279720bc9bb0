"""Swagger UI: the description to read, and to try out. From this host, for who is signed in.

Its files come from the package itself, so that no app needs to be installed and nothing collected.
"""

from __future__ import annotations

import re
from importlib import resources
from importlib.metadata import version
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.generic import TemplateView, View

from trustbackup.views.base import Page

PACKAGE = "drf_spectacular_sidecar"
_FOLDER = f"static/{PACKAGE}/swagger-ui-dist"
_TYPES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}

_PICTURES = re.compile(rb'url\((?:"data:(?:[^"\\]|\\.)*"|data:[^)]*)\)')
"""A strict policy lets a page show none that stand in its style sheet, and complains of each."""


class DocsView(Page, TemplateView):
    """The page around it."""

    template_name = "settings/backups/api_docs.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        title = _("What a program can ask for")
        return super().get_context_data(**kwargs, title=title, version=version(PACKAGE))


class DocsFileView(Page, View):
    """One of its files; the address names the version, so that a browser keeps it."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        if name not in _TYPES:
            raise Http404(_("There is no such file."))
        data = (resources.files(PACKAGE) / _FOLDER / name).read_bytes()
        if name.endswith(".css"):
            data = _PICTURES.sub(b"none", data)
        answer = HttpResponse(data, content_type=f"{_TYPES[name]}; charset=utf-8")
        answer["Cache-Control"] = "private, max-age=604800, immutable"
        answer["X-Content-Type-Options"] = "nosniff"
        return answer
