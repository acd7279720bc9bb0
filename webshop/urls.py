from __future__ import annotations

from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from trustbackup.api.site import StatusView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("settings/backups/", include("trustbackup.urls")),
    path("settings/api/backup-status/", StatusView.as_view()),
    path("backups/api/backups/", include("trustbackup.api.backup_urls")),
    path("", include("webshop.shop.urls")),
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]
