"""What a notification's buttons do: try it out, switch it on or off, delete it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.generic import View

from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Delivery, Route, Run
from trustbackup.views import notices
from trustbackup.views.base import DESTINATION, VIEW, Page, takes_secrets
from trustbackup.views.destinations.connection_test import start_test
from trustbackup.views.labels import translate
from trustbackup.views.notifications.pages import TEST, find, no_such_notification
from trustbackup.views.responses import audit


@takes_secrets
class NotificationTestView(Page, View):
    """Send a message by one, of a row or of the settings; on or off."""

    permission_required = (VIEW, DESTINATION)
    http_method_names = ["post"]

    def post(self, request: HttpRequest, name: str) -> HttpResponseRedirect:
        find(name)
        try:
            run = start_test(request, {"notification": name}, name, TEST)
        except TrustbackupError as error:
            notices.error(request, translate(error))
            return redirect("trustbackup:notification", name=name)
        if run.is_active:
            return redirect("trustbackup:run", pk=run.pk)
        if run.state == Run.State.SUCCEEDED:
            text = _("A test message was sent to %(address)s.")
            notices.success(request, text % {"address": run.outcome.get("address", "")})
        else:
            notices.error(request, translate(run.error) or _("The test was stopped."))
        return redirect("trustbackup:notification", name=name)


class NotificationSwitchView(Page, View):
    """Switch a saved one on or off: whichever the button said."""

    permission_required = (VIEW, DESTINATION)
    http_method_names = ["post"]

    def post(self, request: HttpRequest, name: str) -> HttpResponseRedirect:
        row, on = saved(name), "on" in request.POST
        if row.enabled != on:
            row.enabled = on
            row.save(update_fields=["enabled"])
            audit(request, "change notification", name)
        if on:
            text = _("Notification %(name)s is on.")
        else:
            text = _("Notification %(name)s is off: nobody hears by it any more.")
        notices.success(request, text % {"name": name})
        return redirect("trustbackup:notification", name=name)


class NotificationDeleteView(Page, View):
    """Delete one, after a page that asks; the history of its messages stays."""

    permission_required = (VIEW, DESTINATION)
    http_method_names = ["post"]

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        row = saved(name)
        if "confirmed" not in request.POST:
            waiting = Delivery.objects.filter(route=name, state=Delivery.State.WAITING)
            context = self.get_context_data(
                name=name,
                waiting=waiting.count(),
                title=_("Delete notification %(name)s?") % {"name": name},
            )
            return render(request, "settings/backups/delete_notification.html", context)
        row.delete()
        audit(request, "delete notification", name)
        notices.success(request, _("Notification %(name)s was deleted.") % {"name": name})
        return redirect("trustbackup:notifications")


def saved(name: str) -> Route:
    """A notification's row. Raises Http404, also for one that stands in the settings alone."""
    row = Route.objects.filter(name=name).first()
    if row is None:
        raise no_such_notification()
    return row
