"""Uploading backups that were made elsewhere."""

from __future__ import annotations

import contextlib
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.generic import TemplateView

from trustbackup.exceptions import TrustbackupError, UsageError
from trustbackup.operations.adopt import Adopted, adopt_received
from trustbackup.operations.site import Site
from trustbackup.store import intake
from trustbackup.store.signature import Signature
from trustbackup.views.access import ADD, VIEW, Page
from trustbackup.views.answers import noted
from trustbackup.views.receiving import IntakeHandler

PAGE = "settings/backups/upload.html"


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
        room = intake.room(Site.current().settings.root)
        return super().get_context_data(room=room, title=_("Upload a backup"), **kwargs)

    def post(self, request: HttpRequest) -> HttpResponseBase:
        with intake.begin(Site.current().settings.root) as box:
            try:
                box.must_fit(_announced(request))
            except TrustbackupError as error:
                return self._answer(request, error, 413)
            handler = IntakeHandler(box)
            with contextlib.closing(handler):
                try:
                    request.upload_handlers = [handler]
                except AttributeError:  # a middleware of the site has read the body already
                    handler.take_over(request.FILES)
                return self._received(request, handler)

    @method_decorator(csrf_protect)
    def _received(self, request: HttpRequest, handler: IntakeHandler) -> HttpResponseBase:
        whole = "complete" in request.POST and not handler.interrupted
        try:
            if handler.problem:
                raise handler.problem
            if not whole and (handler.interrupted or handler.box.received):
                raise UsageError(
                    _("The upload was cut off"),
                    why=_("it ended before its last byte"),
                    todo=_("Nothing was taken over; send it again."),
                )
            adopted = adopt_received(handler.box)
        except TrustbackupError as error:
            return self._answer(request, error, 422)
        return _done(request, adopted)

    def _answer(self, request: HttpRequest, error: TrustbackupError, status: int) -> HttpResponse:
        return render(request, PAGE, self.get_context_data(problem=str(error)), status=status)


def _announced(request: HttpRequest) -> int:
    """The bytes that the request says it has."""
    text = str(request.META.get("CONTENT_LENGTH") or "0")
    return int(text) if text.isascii() and text.isdigit() else 0


def _done(request: HttpRequest, adopted: list[Adopted]) -> HttpResponse:
    for item in adopted:
        values = {"backup": item.id}
        if not item.new:
            text = _("Backup %(backup)s is here already, with the same content.")
            messages.info(request, text % values)
            continue
        noted(request, "upload", item.id)
        text = _("Backup %(backup)s was uploaded.") % values
        if item.signature == Signature.UNKNOWN.value:
            text += " " + _("An unknown key has signed it: this site did not make it.")
        elif not item.signature:
            text += " " + _("It has no manifest, so it is listed as unverified.")
        messages.success(request, text)
    if len(adopted) == 1:
        return redirect("trustbackup:detail", adopted[0].id)
    return redirect("trustbackup:manage")
