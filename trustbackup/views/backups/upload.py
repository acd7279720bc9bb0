"""Uploading backups that were made elsewhere."""

from __future__ import annotations

import contextlib
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import redirect, render
from django.utils.decorators import decorator_from_middleware, method_decorator
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import TemplateView

from trustbackup.exceptions import TrustbackupError, UsageError
from trustbackup.operations.context import Context
from trustbackup.operations.transfer.adopt import AdoptResult, adopt_received, within
from trustbackup.store import staging
from trustbackup.store.signature import Signature
from trustbackup.views import notices
from trustbackup.views.backups.receiving import StagingHandler
from trustbackup.views.base import ADD, VIEW, Page
from trustbackup.views.responses import audit, start_run_response

PAGE = "settings/backups/upload.html"
LARGEST_AT_ONCE = 16 << 20
"""Bytes that are checked in the request; more is left to a run."""
LONGEST_AT_ONCE = 20.0
"""Seconds that this may take."""


# The token is a part of the body, and a handler must be set before that is read. So the right is
# asked for first, then the handler set, and only then the token checked.
# https://docs.djangoproject.com/en/5.2/topics/http/file-uploads/#modifying-upload-handlers-on-the-fly
@method_decorator(csrf_exempt, name="dispatch")
class UploadView(Page, TemplateView):
    """A form for dumps, manifests and bundles; what it sends is checked, then taken over."""

    permission_required = (VIEW, ADD)
    http_method_names = ["get", "head", "post"]
    template_name = PAGE

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        room = staging.room(Context.current().settings.backup_dir)
        return super().get_context_data(room=room, title=_("Upload a backup"), **kwargs)

    def post(self, request: HttpRequest) -> HttpResponseBase:
        with staging.begin(Context.current().settings.backup_dir) as area:
            try:
                area.must_fit(_announced(request))
            except TrustbackupError as error:
                return self._answer(request, error, 413)
            handler = StagingHandler(area)
            with contextlib.closing(handler):
                try:
                    request.upload_handlers = [handler]
                except AttributeError:  # a middleware of the site has read the body already
                    handler.take_over(request.FILES)
                return self._received(request, handler)

    def _received(self, request: HttpRequest, handler: StagingHandler) -> HttpResponseBase:
        protect = decorator_from_middleware(site_csrf_middleware())
        answer: HttpResponseBase = protect(self._take_over)(request, handler)
        return answer

    def _take_over(self, request: HttpRequest, handler: StagingHandler) -> HttpResponseBase:
        whole = "complete" in request.POST and not handler.interrupted
        try:
            if handler.problem:
                raise handler.problem
            if not whole and (handler.interrupted or handler.area.received):
                raise UsageError(
                    _("The upload was cut off"),
                    why=_("it ended before its last byte"),
                    todo=_("Nothing was taken over; send it again."),
                )
            if sum(received.size for received in handler.area.received) > LARGEST_AT_ONCE:
                name = handler.area.leave_to_run()
                return start_run_response(request, "upload", {"upload": name})
            adopted = adopt_received(handler.area, within(LONGEST_AT_ONCE))
        except TrustbackupError as error:
            return self._answer(request, error, 422)
        return _done(request, adopted)

    def _answer(self, request: HttpRequest, error: TrustbackupError, status: int) -> HttpResponse:
        return render(request, PAGE, self.get_context_data(problem=str(error)), status=status)


def site_csrf_middleware() -> type[CsrfViewMiddleware]:
    """The site's own, which may look for its token elsewhere than Django's does."""
    for path in settings.MIDDLEWARE:
        found = import_string(path)
        if isinstance(found, type) and issubclass(found, CsrfViewMiddleware):
            return found
    return CsrfViewMiddleware


def _announced(request: HttpRequest) -> int:
    """The bytes that the request says it has."""
    text = str(request.META.get("CONTENT_LENGTH") or "0")
    return int(text) if text.isascii() and text.isdigit() else 0


def _done(request: HttpRequest, adopted: list[AdoptResult]) -> HttpResponse:
    for item in adopted:
        values = {"backup": item.id}
        if not item.new:
            text = _("Backup %(backup)s is here already, with the same content.")
            notices.info(request, text % values)
            continue
        audit(request, "upload", item.id)
        text = _("Backup %(backup)s was uploaded.") % values
        if item.signature == Signature.UNKNOWN.value:
            text += " " + _("An unknown key has signed it: this site did not make it.")
        elif not item.signature:
            text += " " + _("It has no manifest, so it is listed as unverified.")
        notices.success(request, text)
    if len(adopted) == 1:
        return redirect("trustbackup:detail", adopted[0].id)
    return redirect("trustbackup:manage")
