"""A notification's form: a new one, or one that is saved; tried out before it is saved."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, router, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.generic import View

from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Route, Run
from trustbackup.notifications.channels.webhook import new_secret
from trustbackup.notifications.routes import USUAL, all_routes
from trustbackup.notifications.tryout import options_to_try
from trustbackup.sealing import seal_secrets, unseal_secrets
from trustbackup.views import notices
from trustbackup.views.base import DESTINATION, VIEW, Page, takes_secrets
from trustbackup.views.destinations.connection_test import start_test
from trustbackup.views.destinations.draft import FormDraft
from trustbackup.views.labels import translate
from trustbackup.views.notifications.buttons import saved
from trustbackup.views.notifications.channel_forms import FORMS
from trustbackup.views.notifications.form import RouteForm, already_there
from trustbackup.views.notifications.pages import TEST
from trustbackup.views.responses import audit

_MADE = "made"
"""Beside the secrets of a draft: the one that was made here, which is shown until it is saved."""


@takes_secrets
class NotificationEditView(Page, View):
    """The form of one, new (``channel``) or saved (``name``)."""

    permission_required = (VIEW, DESTINATION)
    row: Route | None = None
    form_class: type[RouteForm]

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        self._find(**kwargs)
        self.draft.drop()
        if self.row is None and self.form_class.makes_secrets:
            return self._make_secret(self._form())
        return self._page(self._form())

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        self._find(**kwargs)
        form = self._form(request.POST)
        if "make_secret" in request.POST and form.makes_secrets:
            return self._make_secret(form)
        if not form.is_valid():
            return self._page(form, number=self._hold(form), status=422)
        if "test" in request.POST:
            return self._test(form)
        row = self.row or Route(name=form.cleaned_data["name"], channel=form.channel.name)
        form.fill(row)
        row.secrets = seal_secrets(form.secrets)
        try:
            with transaction.atomic(router.db_for_write(Route)):
                row.save()
        except IntegrityError:  # somebody else was quicker
            form.add_error("name", already_there())
            return self._page(form, number=self._hold(form), status=422)
        self.draft.drop()
        audit(request, "change notification" if self.row else "add notification", row.name)
        notices.success(request, _("Notification %(name)s was saved.") % {"name": row.name})
        return redirect("trustbackup:notification", name=row.name)

    def _find(self, channel: str = "", name: str = "") -> None:
        if name:
            self.row = saved(name)
            channel = self.row.channel
        if channel not in FORMS:
            raise Http404(_("There is no such way to send notifications."))
        self.form_class = FORMS[channel]
        self.draft = FormDraft(self.request, f"notification {name or '/' + channel}")

    def _form(self, data: Any = None) -> RouteForm:  # noqa: ANN401
        stored, self.lost = _stored(self.row)
        number = str(data.get("draft", "")) if data else ""
        self.held = self.draft.secrets(number)
        return self.form_class(data, row=self.row, known={**stored, **self.held})

    def _hold(self, form: RouteForm) -> str:
        """Keep what was typed for the next step; "" when there is nothing to keep."""
        held = {**form.typed_secrets(), **self._made()}
        return self.draft.hold(held) if any(held.values()) else ""

    def _made(self) -> dict[str, str]:
        return {_MADE: self.held[_MADE]} if self.held.get(_MADE) else {}

    def _make_secret(self, form: RouteForm) -> HttpResponse:
        """The form as it stands, with a new secret, which is used once it is saved."""
        made = new_secret()
        self.held = {**form.typed_secrets(), "secret": made, _MADE: made}
        initial = form.typed() if form.is_bound else form.initial
        again = self.form_class(row=self.row, known=self.held, initial=initial)
        return self._page(again, number=self.draft.hold(self.held))

    def _test(self, form: RouteForm) -> HttpResponse:
        """The form again, and how its test went, or where it is."""
        number = self._hold(form)
        name = self.row.name if self.row else form.cleaned_data["name"]
        asked = options_to_try(
            form.channel.name,
            form.options,
            form.secrets,
            name=name,
            language=form.cleaned_data["language"],
        )
        try:
            run = start_test(self.request, asked, name, TEST)
        except TrustbackupError as error:
            notices.error(self.request, translate(error))
            return self._page(form, number=number, status=409)
        return self._page(form, number=number, test=run)

    def _page(
        self, form: RouteForm, *, number: str = "", test: Run | None = None, status: int = 200
    ) -> HttpResponse:
        title = _("New notification")
        if self.row:
            title = _("Change notification %(name)s") % {"name": self.row.name}
        made, used = self.held.get(_MADE, ""), form.typed_secrets().get("secret")
        context = self.get_context_data(
            form=form,
            channel=form.channel.name,
            channel_label=form.channel.label,
            row=self.row,
            lost=self.lost,
            draft=number,
            made=made if made == used else "",
            test=test,
            ends_usual=any(route.source == USUAL for route in all_routes()),
            title=title,
        )
        page = "settings/backups/notification_form.html"
        return render(self.request, page, context, status=status)


def _stored(row: Route | None) -> tuple[dict[str, str], str]:
    """The secrets of a saved one, and why they can't be read."""
    try:
        return unseal_secrets(row.secrets) if row else {}, ""
    except TrustbackupError as error:
        return {}, error.args[0]
