"""The index in Django's admin: to look at, not to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest

from trustbackup.models import Backup

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Backup]
else:
    ModelAdmin = admin.ModelAdmin  # takes a type argument in the stubs only


@admin.register(Backup)
class BackupAdmin(ModelAdmin):
    """Rows come from the disk; changing one here would change nothing there."""

    list_display = ("identifier", "name", "kind", "state", "created", "bytes", "kept", "checked_ok")
    list_filter = ("kind", "state", "kept", "created")
    search_fields = ("identifier", "name", "databases")
    ordering = ["-created"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Backup | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Backup | None = None) -> bool:
        return False
