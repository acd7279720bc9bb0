"""The notifications: all of them, and one with the history of its messages."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from trustbackup.models import Delivery, Route, Run
from trustbackup.notifications.channels.registry import CHANNELS
from trustbackup.notifications.routes import RouteSpec, all_routes, unreadable_routes
from trustbackup.views.base import Page, takes_secrets
from trustbackup.views.notifications.summary import summarise

TEST = "test notification"
"""The action of a run that tries one out."""
SHOWN = 50
"""Messages on one page."""


@takes_secrets
class NotificationsView(Page, TemplateView):
    """All of them, those of the settings as well, and what can be added."""

    template_name = "settings/backups/notifications.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        routes = all_routes()
        return super().get_context_data(
            **kwargs,
            routes=summarise(routes),
            problems=[(name, error.args[0]) for name, error in sorted(unreadable_routes().items())],
            nobody_hears=not any(route.enabled for route in routes),
            channels=[(name, channel.label) for name, channel in CHANNELS.items()],
            title=_("Notifications"),
        )


@takes_secrets
class NotificationView(Page, TemplateView):
    """One of them: who hears of what, and what became of each message."""

    template_name = "settings/backups/notification.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        name = kwargs["name"]
        messages = Paginator(Delivery.objects.of_route(name), SHOWN)
        return super().get_context_data(
            **kwargs,
            route=summarise([find(name)])[0],
            is_saved=Route.objects.filter(name=name).exists(),
            page_obj=messages.get_page(self.request.GET.get("page")),
            # A test leaves no message behind, but its run.
            test=Run.objects.filter(action=TEST, target=name).first(),
            title=_("Notification %(name)s") % {"name": name},
        )


def find(name: str) -> RouteSpec:
    """One by its name, of a row or of the settings. Raises Http404."""
    found = next((route for route in all_routes() if route.name == name), None)
    if found is None:
        raise no_such_notification()
    return found


def no_such_notification() -> Http404:
    return Http404(_("There is no such notification any more."))
