"""The destinations: listed, set up, tested, reset and removed."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.generic import TemplateView, View

from trustbackup.destinations.settings import SECRETS
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Destination
from trustbackup.operations.places import address_of, open_secrets, seal_secrets, unseal_secrets
from trustbackup.operations.trying import Trial, try_destination, try_saved
from trustbackup.views.access import DESTINATION, VIEW, Page
from trustbackup.views.answers import noted
from trustbackup.views.destination_forms import FORMS, DestinationForm

DRAFT = "trustbackup_draft"
"""The session's key for secrets that were typed and not saved yet; sealed, as all are."""


class DestinationsView(Page, TemplateView):
    """All of them: where they are, how they are, and what lies there."""

    template_name = "settings/backups/destinations.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        rows = list(Destination.objects.with_usage())
        return super().get_context_data(
            **kwargs,
            destinations=[(row, address_of(row)) for row in rows],
            kinds=list(FORMS),
            title=_("Destinations"),
        )


class DestinationView(Page, View):
    """The form of one, new (``kind``) or saved (``name``); tested before it is saved."""

    permission_required = (VIEW, DESTINATION)
    row: Destination | None = None
    kind: str

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().setup(request, *args, **kwargs)
        self.lost = ""
        """Why the stored secrets can't be read, if so."""

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        self._find(**kwargs)
        request.session.pop(DRAFT, None)
        return self.page(self._form())

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        self._find(**kwargs)
        data = request.POST.copy()
        if pinned := data.get("pin"):
            data["host_key"] = pinned
        if "make_key_pair" in data and self.kind == "sftp":
            return self._make_key_pair(data)
        form = self._form(data)
        if not form.is_valid():
            return self.page(form, status=422)
        if "test_connection" in data:
            noted(request, "test destination", self._name(form))
            trial = try_destination(self.kind, form.options, form.secrets)
            return self.page(form, trial=trial, draft=self._hold(form.secrets))
        row, new = save(form, keep_lost=bool(self.lost)), self.row is None
        request.session.pop(DRAFT, None)
        noted(request, "add destination" if new else "change destination", row.name)
        messages.success(request, _("Destination %(name)s was saved.") % {"name": row.name})
        return redirect("trustbackup:destinations")

    def page(
        self,
        form: DestinationForm,
        trial: Trial | None = None,
        draft: str = "",
        public_line: str = "",
        status: int = 200,
    ) -> HttpResponse:
        title = _("New destination")
        if self.row is not None:
            title = _("Destination %(name)s") % {"name": self.row.name}
        context = self.get_context_data(
            form=form,
            kind=self.kind,
            destination=self.row,
            trial=trial,
            draft=draft or self.request.POST.get("draft", ""),
            public_line=public_line or self._public_line(form),
            pinned=_fingerprint(form),
            lost=self.lost,
            title=title,
        )
        return render(self.request, "settings/backups/destination.html", context, status=status)

    def _find(self, kind: str = "", name: str = "") -> None:
        if name:
            self.row = find(name)
            kind = self.row.kind
        if kind not in FORMS:
            raise Http404(_("There is no such kind of destination."))
        self.kind = kind

    def _name(self, form: DestinationForm) -> str:
        return self.row.name if self.row else str(form.cleaned_data["name"])

    def _form(
        self, data: QueryDict | None = None, initial: dict[str, Any] | None = None
    ) -> DestinationForm:
        stored: dict[str, str] = {}
        if self.row is not None:
            stored, self.lost = stored_secrets(self.row)
        known = self._held() or stored
        return FORMS[self.kind](
            data, row=self.row, known=known, stored=stored, initial=initial or {}
        )

    def _make_key_pair(self, data: QueryDict) -> HttpResponse:
        """The private key is sealed at once; it is used once the form is saved."""
        from trustbackup.destinations.sftp.keys import new_key_pair

        pair = new_key_pair()
        known = self._form().known
        typed = {name: str(data[name]) for name in SECRETS[self.kind] if data.get(name)}
        held = {**known, **typed, "private_key": pair.private, "passphrase": ""}
        draft = self._hold(held)
        shown: dict[str, Any] = {n: data[n] for n in data if n not in SECRETS[self.kind]}
        shown["automatic"] = "automatic" in data
        form = FORMS[self.kind](row=self.row, known=held, initial=shown)
        return self.page(form, draft=draft, public_line=pair.public)

    def _hold(self, typed: dict[str, str]) -> str:
        """Keep secrets for the next step of this form; what the form must say to get them."""
        draft = secrets.token_hex(16)
        self.request.session[DRAFT] = {
            "draft": draft,
            "for": self.row.name if self.row else f"/{self.kind}",
            "sealed": seal_secrets(typed),
        }
        return draft

    def _held(self) -> dict[str, str]:
        held = self.request.session.get(DRAFT, {})
        mine = self.row.name if self.row else f"/{self.kind}"
        if not held or held["draft"] != self.request.POST.get("draft") or held["for"] != mine:
            return {}
        try:
            return unseal_secrets(held["sealed"])
        except TrustbackupError:
            return {}

    def _public_line(self, form: DestinationForm) -> str:
        """What to paste at the server; of a key that is kept elsewhere, nothing."""
        key = form.secrets.get("private_key") or form.known.get("private_key", "")
        if self.kind != "sftp" or not key or form.errors:
            return ""
        from trustbackup.destinations.sftp.keys import public_line

        passphrase = form.secrets.get("passphrase") or form.known.get("passphrase", "")
        try:
            return public_line(key, passphrase)
        except TrustbackupError:
            return ""


class DestinationTestView(DestinationView):
    """Test one as it is saved."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        self.row = find(kwargs["name"])
        self.kind = self.row.kind
        noted(request, "test destination", self.row.name)
        trial = try_saved(self.row)
        return self.page(self._form(), trial=trial)


class DestinationDeleteView(Page, View):
    """Forget one; what lies there stays there."""

    permission_required = (VIEW, DESTINATION)
    http_method_names = ["post"]

    def post(self, request: HttpRequest, name: str) -> HttpResponseRedirect:
        row = find(name)
        row.delete()
        noted(request, "delete destination", name)
        text = _("Destination %(name)s was removed; the copies there stay where they are.")
        messages.success(request, text % {"name": name})
        return redirect("trustbackup:destinations")


class DestinationResetView(Page, View):
    """Back to a destination that nobody has set up: nothing is copied there any more."""

    permission_required = (VIEW, DESTINATION)
    http_method_names = ["post"]

    def post(self, request: HttpRequest, name: str) -> HttpResponseRedirect:
        reset(request, find(name))
        return redirect("trustbackup:destination", name=name)


def find(name: str) -> Destination:
    """Raises Http404."""
    row = Destination.objects.filter(name=name).first()
    if row is None:
        raise Http404(_("There is no such destination any more."))
    return row


def reset(request: HttpRequest, row: Destination) -> None:
    row.reset()
    noted(request, "reset destination", row.name)
    text = _("The settings of %(name)s were removed: nothing is copied there any more.")
    messages.success(request, text % {"name": row.name})


def stored_secrets(row: Destination) -> tuple[dict[str, str], str]:
    """The secrets of a saved one, and why they can't be read."""
    try:
        return open_secrets(row), ""
    except TrustbackupError as error:
        return {}, str(error)


def save(form: DestinationForm, *, keep_lost: bool = False) -> Destination:
    """Write down what a valid form holds; ``keep_lost`` leaves secrets that no key opens."""
    row = form.row or Destination(name=form.cleaned_data["name"], kind=form.kind)
    row.options = form.options
    if any(form.secrets.values()) or not keep_lost:
        row.secrets = seal_secrets(form.secrets)
    row.automatic = form.cleaned_data["automatic"]
    row.problem = ""
    row.save()
    return row


def _fingerprint(form: DestinationForm) -> str:
    """Of the host key that the form holds."""
    from trustbackup.destinations.sftp.host_keys import parse_host_key

    text = form.options.get("host_key") or form.initial.get("host_key", "")
    try:
        return parse_host_key(text).fingerprint if text else ""
    except TrustbackupError:
        return ""
