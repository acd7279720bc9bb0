"""A project whose pages lie in the database: one pattern takes every other address."""

from __future__ import annotations

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path, re_path


def serve(request: HttpRequest, where: str) -> HttpResponse:
    raise Http404(where)


urlpatterns = [
    path("admin/", admin.site.urls),
    path("settings/backups/", include("trustbackup.urls")),
    re_path(r"^((?:[\w\-]+/)*)$", serve),
]
