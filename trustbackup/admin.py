"""The index, the runs and the audit trail in Django's admin: to look at, not to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from trustbackup.models import (
    Alarm,
    AuditEvent,
    Backup,
    Copy,
    Delivery,
    Destination,
    Plan,
    PlanDue,
    Route,
    Run,
)
from trustbackup.translations import translate

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin  # takes a type argument in the stubs only


# Of the class, so that a site's own AdminSite shows it, too; one with an index of its own keeps it.
if admin.AdminSite.index_template is None:
    admin.AdminSite.index_template = "settings/backups/admin_index.html"

_PHRASES = ("problem", "error", "sentence", "reason")


class ReadOnlyAdmin(ModelAdmin):
    """Rows that something else writes: a change here would change nothing, or hide a trace.

    What is a phrase is translated into the reader's language.
    """

    @admin.display(description=_("problem"))
    def translated_problem(self, row: Backup | Destination | Copy | Delivery) -> str:
        return translate(row.problem)

    @admin.display(description=_("error"))
    def translated_error(self, row: Run) -> str:
        return translate(row.error)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:  # noqa: ANN401
        names = super().get_fields(request, obj)
        return [f"translated_{name}" if name in _PHRASES else name for name in names]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401
        return False


class PageAdmin(ReadOnlyAdmin):
    """Rows that are set up on a page of ours, whose form refuses what can't be: its addresses for
    adding and changing one lead there, for who may use it and where a site has that page."""

    page_right = "trustbackup.change_destination"
    add_page = change_page = ""
    """Names of addresses; the second takes a row's name."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._address(request, self.add_page) is not None

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        page = self._address(request, self.add_page)
        return redirect(page) if page else super().add_view(request, form_url, extra_context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        page = self._address(request, self.change_page, object_id)
        if page:
            return redirect(page)
        return super().change_view(request, object_id, form_url, extra_context)

    def _address(self, request: HttpRequest, page: str, object_id: str = "") -> str | None:
        """None for who may not use it, a row that is gone, and a site without the page."""
        from trustbackup.views.base import VIEW, has_right  # no command's start needs the pages

        may = has_right(request, VIEW) and has_right(request, self.page_right)
        if request.method != "GET" or not may or not page:
            return None
        row = self.get_object(request, unquote(object_id)) if object_id else None
        if object_id and row is None:
            return None
        try:
            return reverse(page, args=[row.name] if row else [])
        except NoReverseMatch:
            return None


@admin.register(Backup)
class BackupAdmin(ReadOnlyAdmin):
    """Rows come from the disk. The admin's index leads to the page itself, where that is."""

    list_display = (
        "identifier",
        "name",
        "kind",
        "state",
        "created",
        "bytes",
        "protected",
        "checked_ok",
    )
    list_filter = ("kind", "state", "protected", "created")
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
class DestinationAdmin(PageAdmin):
    """Places for copies, without their secrets."""

    add_page, change_page = "trustbackup:destinations", "trustbackup:destination"

    list_display = ("name", "kind", "automatic", "succeeded_at", "translated_problem")
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


@admin.register(Route)
class RouteAdmin(PageAdmin):
    """Who hears of what, without secrets."""

    add_page, change_page = "trustbackup:notifications", "trustbackup:change_notification"

    list_display = ("name", "channel", "enabled", "created")
    list_filter = ("channel", "enabled")
    search_fields = ("name",)
    exclude = ("secrets",)
    ordering = ["name"]


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """What became of each message."""

    list_display = ("at", "kind", "route", "state", "tries", "translated_problem")
    list_filter = ("route", "state", "kind")
    search_fields = ("subject", "plan", "sentence", "problem")
    ordering = ["-at"]

    @admin.display(description=_("sentence"))
    def translated_sentence(self, row: Delivery) -> str:
        return translate(row.sentence)


@admin.register(Plan)
class PlanAdmin(PageAdmin):
    """Plans that somebody has saved."""

    page_right = "trustbackup.change_plan"
    add_page, change_page = "trustbackup:add_plan", "trustbackup:change_plan"

    list_display = ("name", "enabled", "kind", "app", "schedule", "zone", "skip_unchanged")
    list_filter = ("enabled", "kind")
    search_fields = ("name",)
    ordering = ["name"]


@admin.register(PlanDue)
class PlanDueAdmin(ReadOnlyAdmin):
    """Which due times were taken on, and which were not."""

    list_display = ("due", "plan", "state", "translated_reason")
    list_filter = ("state", "plan")
    search_fields = ("plan",)
    ordering = ["-due"]

    @admin.display(description=_("reason"))
    def translated_reason(self, row: PlanDue) -> str:
        return translate(row.reason)


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    """Every execution of an action."""

    list_display = ("started", "action", "target", "state", "actor", "finished")
    list_filter = ("action", "state", "started")
    search_fields = ("target", "actor", "error")
    ordering = ["-started"]


@admin.register(Alarm)
class AlarmAdmin(ReadOnlyAdmin):
    """What was overdue, when it was told, and when it was over."""

    list_display = ("told_at", "kind", "subject", "translated_sentence", "times", "ended")
    list_filter = ("kind", "told_at")
    search_fields = ("subject",)
    ordering = ["-told_at"]

    @admin.display(description=_("what was told"))
    def translated_sentence(self, row: Alarm) -> str:
        return translate(row.sentence)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:  # noqa: ANN401
        names = super().get_fields(request, obj)
        return ["translated_sentence" if name == "sentence" else name for name in names]


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """Who did what, when and from where."""

    list_display = ("at", "actor", "action", "target", "address")
    list_filter = ("action", "at")
    search_fields = ("actor", "target", "address")
    ordering = ["-at"]
