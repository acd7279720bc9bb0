"""A project whose admin, if installed, has no address; nor is there a page to sign in."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("settings/backups/", include("trustbackup.urls"))]
