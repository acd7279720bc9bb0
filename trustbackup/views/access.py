"""Who may do what on the page; each right is asked for here, not only hidden in a template."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.db import InterfaceError, OperationalError, transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.shortcuts import render
from django.template.response import SimpleTemplateResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.generic.base import ContextMixin, View

from trustbackup.exceptions import TrustbackupError
from trustbackup.views.unreachable import does_not_answer, unreachable

VIEW = "trustbackup.view_backup"
ADD = "trustbackup.add_backup"
CHANGE = "trustbackup.change_backup"
DELETE = "trustbackup.delete_backup"
DOWNLOAD = "trustbackup.download_backup"
RESTORE = "trustbackup.restore_backup"
DESTINATION = "trustbackup.change_destination"


def no_such_backup(identifier: str) -> Http404:
    """For who looks at a page: the folder's path and the commands are none of theirs."""
    text = _("There is no backup %(name)s here: it was deleted, or never was.")
    return Http404(text % {"name": identifier[:200]})


class Page(PermissionRequiredMixin, ContextMixin, View):
    """A page for those with a right: anonymous visitors sign in, others get a 403."""

    permission_required: str | tuple[str, ...] = VIEW

    # With ATOMIC_REQUESTS a transaction would begin before, and end after, what is caught here.
    @method_decorator(transaction.non_atomic_requests)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401
        """A database that does not answer is a 503 that goes on by itself."""
        try:
            return self._respond(request, *args, **kwargs)
        except (InterfaceError, OperationalError) as error:
            if not does_not_answer(error):
                raise
            return unreachable(request, error)

    def _respond(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401
        """What stands in the way of the whole page is said in its sentence."""
        try:
            response = super().dispatch(request, *args, **kwargs)
            if isinstance(response, SimpleTemplateResponse):
                # Django would do it later, where nobody catches what its queries raise.
                return response.render()
            return response
        except TrustbackupError as error:
            return self._problem(str(error), _("Backups"), 409)
        except Http404 as error:
            return self._problem(str(error), _("Not found"), 404)

    def handle_no_permission(self) -> HttpResponseRedirect:
        """Raises nothing: who is signed in reads what is missing, and who can give it."""
        if not self.request.user.is_authenticated:
            return super().handle_no_permission()
        text = _(
            "Your account may not do this. Ask whoever manages this site's accounts for the right."
        )
        return self._problem(text, _("Not allowed"), 403)  # type: ignore[return-value]

    def _problem(self, text: str, title: str, status: int) -> HttpResponse:
        context = self.shell(problem=text, title=title)
        return render(self.request, "settings/backups/problem.html", context, status=status)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        """With what the admin's own base template wants to know."""
        return self.shell(**super().get_context_data(**kwargs))

    def shell(self, **context: Any) -> dict[str, Any]:  # noqa: ANN401
        may = {
            name: self.request.user.has_perm(right)
            for name, right in {
                "view": VIEW,
                "add": ADD,
                "change": CHANGE,
                "delete": DELETE,
                "download": DOWNLOAD,
                "restore": RESTORE,
                "destinations": DESTINATION,
            }.items()
        }
        return {**admin.site.each_context(self.request), **context, "may": may}


def actor_of(request: HttpRequest) -> str:
    return request.user.get_username()


def address_of(request: HttpRequest) -> str:
    """Where a request came from, as the web server says it."""
    return str(request.META.get("REMOTE_ADDR", ""))
