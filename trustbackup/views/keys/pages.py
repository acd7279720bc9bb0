"""The keys: which backups each opens, when that was proven, naming one, trying one, retiring one.

What is pasted goes, sealed, into the row of the run that tries it, until that begins.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django.views.generic import TemplateView, View

from trustbackup.exceptions import TrustbackupError, UsageError
from trustbackup.models import EncryptionKey, Run
from trustbackup.operations.encryption_keys import (
    KeyState,
    add_key,
    key_troubles,
    list_keys,
    retire_key,
    what_retiring_means,
)
from trustbackup.operations.plans.spec import all_plans
from trustbackup.runs.queue import fail_stale_runs
from trustbackup.sealing import seal_secrets
from trustbackup.store.identities import read_identities, unlocked
from trustbackup.views import notices
from trustbackup.views.base import CHANGE, PLAN, VIEW, Page, takes_secrets
from trustbackup.views.labels import translate
from trustbackup.views.responses import audit, start_run_response

_LARGEST = 64 << 10
"""Characters of a file with identities."""


class KeysView(Page, TemplateView):
    """All of them."""

    template_name = "settings/backups/keys.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        fail_stale_runs()
        plans = all_plans()
        switched_on = [plan for plan in plans if plan.enabled]
        return super().get_context_data(
            **kwargs,
            keys=list_keys(plans),
            troubles=list(key_troubles(switched_on, datetime.now(UTC)).values()),
            last=Run.objects.filter(action="prove key").first(),
            title=_("Keys"),
        )


class KeyAddView(Page, View):
    """Give a public key a name."""

    permission_required = (VIEW, PLAN)
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            row = add_key(request.POST.get("name", "").strip(), request.POST.get("recipient", ""))
        except TrustbackupError as error:
            notices.error(request, translate(error))
        else:
            audit(request, "add key", row.name)
            notices.success(request, _("Key %(name)s is known.") % {"name": row.name})
        return redirect("trustbackup:keys")


@takes_secrets
class KeyProveView(Page, View):
    """Try what was pasted at every place, in a run: a destination may take its time."""

    permission_required = (VIEW, CHANGE)
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            sealed = _sealed(request)
        except TrustbackupError as error:
            notices.error(request, translate(error))
            return redirect("trustbackup:keys")
        return start_run_response(request, "prove key", {Run.SEALED: sealed})


@sensitive_variables()
def _sealed(request: HttpRequest) -> str:
    typed, passphrase = request.POST.get("identity", ""), request.POST.get("passphrase", "")
    if not typed.strip() or len(typed) > _LARGEST:
        raise UsageError(_("That is no identity"))
    text = unlocked(typed.encode(), lambda: passphrase)
    read_identities(text)
    return seal_secrets({"identity": text.decode()})


class KeyRetireView(Page, View):
    """Let nothing new be encrypted to one, after a page that says what becomes of what was."""

    permission_required = (VIEW, PLAN)
    http_method_names = ["post"]

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        state = _state(name)
        if "confirmed" not in request.POST:
            title = _("Retire key %(name)s?") % {"name": name}
            context = self.get_context_data(
                key=state, meaning=what_retiring_means(state), title=title
            )
            return render(request, "settings/backups/retire_key.html", context)
        try:
            state = retire_key(name, all_plans())
        except TrustbackupError as error:
            notices.error(request, translate(error))
        else:
            audit(request, "retire key", name)
            notices.success(request, translate(what_retiring_means(state)))
        return redirect("trustbackup:keys")


def _state(name: str) -> KeyState:
    row = EncryptionKey.objects.filter(name=name).first()
    if row is None:
        raise Http404(_("There is no such key."))
    return next(each for each in list_keys(all_plans()) if each.fingerprint == row.fingerprint)
