"""Who may do what on the page; each right is asked for here, not only hidden in a template."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.db import (
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connections,
    transaction,
)
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
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.generic.base import ContextMixin, View

from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.restore import doors
from trustbackup.store.identities import using
from trustbackup.views.database_unavailable import does_not_answer, unreachable
from trustbackup.views.held_identity import held_identities
from trustbackup.views.missing_tables import missing_table
from trustbackup.views.notices import taken
from trustbackup.views.shell import shell_context, sign_in_url

VIEW = "trustbackup.view_backup"
ADD = "trustbackup.add_backup"
CHANGE = "trustbackup.change_backup"
DELETE = "trustbackup.delete_backup"
DOWNLOAD = "trustbackup.download_backup"
RESTORE = "trustbackup.restore_backup"
DESTINATION = "trustbackup.change_destination"
PLAN = "trustbackup.change_plan"


def no_such_backup(identifier: str) -> Http404:
    """For a page's reader, who is told neither the folder's path nor a command."""
    text = _("There is no backup %(name)s here: it was deleted, or never was.")
    return Http404(text % {"name": identifier[:200]})


takes_secrets = method_decorator(
    [sensitive_variables(), sensitive_post_parameters()], name="dispatch"
)
"""For views whose forms may hold a password or a key: no report of an error 500 shows what was
typed, nor a variable of any function that the view has called.

https://docs.djangoproject.com/en/5.2/howto/error-reporting/#filtering-sensitive-information
"""


def in_no_transaction(view: Any) -> Any:  # noqa: ANN401
    """Whichever databases have ATOMIC_REQUESTS: Django's own decorator is for one of them."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


class Page(PermissionRequiredMixin, ContextMixin, View):
    """A page for those with a right: anonymous visitors sign in, others get a 403."""

    permission_required: str | tuple[str, ...] = VIEW

    # A LoginRequiredMiddleware would send strangers to LOGIN_URL, even where that leads nowhere:
    # who may see a page is asked for here.
    @method_decorator(login_not_required)
    # With ATOMIC_REQUESTS a transaction would begin before, and end after, what is caught here,
    # and the process that carries a run would not see its row.
    @method_decorator(in_no_transaction)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401
        """A database that does not answer is a 503 that goes on by itself."""
        try:
            return self._respond(request, *args, **kwargs)
        except (InterfaceError, OperationalError, ProgrammingError) as error:
            if not isinstance(error, ProgrammingError) and does_not_answer(error):
                return unreachable(request, error)
            if (missing := missing_table()) is None:
                raise
            return self._problem(str(missing), _("Backups"), 409)

    def _respond(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401
        """What stands in the way of the whole page is said in its sentence."""
        try:
            with using(held_identities(request)):
                response = super().dispatch(request, *args, **kwargs)
                if isinstance(response, SimpleTemplateResponse):
                    # Django would do it later, where nobody catches what its queries raise.
                    return response.render()
                return response
        except TrustbackupError as error:
            return self._problem(str(error), _("Backups"), 409)
        except Http404 as error:
            return self._problem(str(error), _("Not found"), 404)

    def has_permission(self) -> bool:
        return all(has_right(self.request, right) for right in self.get_permission_required())

    def get_login_url(self) -> str:
        return sign_in_url(self.request)

    def handle_no_permission(self) -> HttpResponseRedirect:
        """Raises nothing: who is signed in reads what is missing, and who can give it."""
        if not self.request.user.is_authenticated:
            if self.get_login_url():
                return super().handle_no_permission()
            text = _("Sign in first; this site has no page for it that LOGIN_URL leads to.")
            return self._problem(text, _("Not allowed"), 403)  # type: ignore[return-value]
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
            name: has_right(self.request, right)
            for name, right in {
                "view": VIEW,
                "add": ADD,
                "change": CHANGE,
                "delete": DELETE,
                "download": DOWNLOAD,
                "recovery_sheet": RESTORE,
                "destinations": DESTINATION,
                "plans": PLAN,
            }.items()
        }
        may["restore"] = may_restore(self.request)
        notices = taken(self.request)
        # Without a site's own context processors no template would know the request.
        known = {"request": self.request, **shell_context(self.request)}
        return {**known, **context, "may": may, "notices": notices}


class RestorePage(Page):
    """One that restores or undoes, where the site lets its pages do so."""

    permission_required = (VIEW, RESTORE)

    def has_permission(self) -> bool:
        return super().has_permission() and doors.closed_because(doors.PAGE) is None

    def handle_no_permission(self) -> HttpResponseRedirect:
        """Raises nothing: who has the right reads what else stands in the way."""
        reason = doors.closed_because(doors.PAGE)
        if reason is None or not super().has_permission():
            return super().handle_no_permission()
        return self._problem(str(reason), _("Not allowed"), 403)  # type: ignore[return-value]


def may_restore(request: HttpRequest) -> bool:
    """Whether this visitor is offered it: a page that tells of wrong settings offers nothing."""
    with suppress(TrustbackupError):
        return has_right(request, RESTORE) and doors.closed_because(doors.PAGE) is None
    return False


def has_right(request: HttpRequest, right: str) -> bool:
    """Users of a site's own may take an object as well, and want it said that there is none; those
    without Django's permissions have none of ours."""
    ask = getattr(request.user, "has_perm", None)
    return bool(ask and ask(right, None))


def actor_of(request: HttpRequest) -> str:
    return str(request.user.get_username())  # its field may be a number


def address_of(request: HttpRequest) -> str:
    """Where a request came from, as the web server says it."""
    return str(request.META.get("REMOTE_ADDR", ""))
