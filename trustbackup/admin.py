"""The index, the runs and the audit trail in Django's admin: to look at, not to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from trustbackup.models import AuditEvent, Backup, Copy, Destination, Run
from trustbackup.views.words import said

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin  # takes a type argument in the stubs only


class ReadOnlyAdmin(ModelAdmin):
    """Rows that something else writes: a change here would change nothing, or hide a trace.

    What is a phrase is said in the reader's language.
    """

    @admin.display(description=_("problem"))
    def said_problem(self, row: Backup | Destination | Copy) -> str:
        return said(row.problem)

    @admin.display(description=_("error"))
    def said_error(self, row: Run) -> str:
        return said(row.error)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:  # noqa: ANN401
        names = super().get_fields(request, obj)
        return [f"said_{name}" if name in ("problem", "error") else name for name in names]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401
        return False


@admin.register(Backup)
class BackupAdmin(ReadOnlyAdmin):
    """Rows come from the disk. The admin's index leads to the page itself, where that is."""

    list_display = ("identifier", "name", "kind", "state", "created", "bytes", "kept", "checked_ok")
    list_filter = ("kind", "state", "kept", "created")
    search_fields = ("identifier", "name", "databases")
    ordering = ["-created"]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            page = reverse("trustbackup:manage")
        except NoReverseMatch:
            return super().changelist_view(request, extra_context)
        return redirect(page)


@admin.register(Destination)
class DestinationAdmin(ReadOnlyAdmin):
    """Places for copies, without their secrets; they are set up on the page."""

    list_display = ("name", "kind", "automatic", "succeeded_at", "said_problem")
    list_filter = ("kind", "automatic")
    search_fields = ("name",)
    exclude = ("secrets",)
    ordering = ["name"]


@admin.register(Copy)
class CopyAdmin(ReadOnlyAdmin):
    """Which backup is where."""

    list_display = ("identifier", "destination", "state", "tries", "changed", "verified_at")
    list_filter = ("state", "destination")
    list_select_related = ("destination",)
    search_fields = ("identifier", "destination__name", "problem")
    ordering = ["-identifier"]


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    """Every execution of a verb."""

    list_display = ("started", "verb", "target", "state", "actor", "finished")
    list_filter = ("verb", "state", "started")
    search_fields = ("target", "actor", "error")
    ordering = ["-started"]


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """Who did what, when and from where."""

    list_display = ("at", "actor", "action", "target", "address")
    list_filter = ("action", "at")
    search_fields = ("actor", "target", "address")
    ordering = ["-at"]
