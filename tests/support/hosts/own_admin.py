"""A project with an AdminSite of its own, where nothing of trustbackup is registered."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.urls import include, path

site = AdminSite(name="office")
site.site_header = "The office"
site.register(User)

urlpatterns = [
    path("office/", site.urls),
    path("settings/backups/", include("trustbackup.urls")),
]
