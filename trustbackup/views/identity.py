"""An identity that somebody pastes: sealed in the session for a few minutes, and nowhere else.

Pages of this visitor open encrypted backups with it meanwhile, and a run that is started gets it,
sealed in its row until it begins.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django.views.generic import View

from trustbackup.exceptions import TrustbackupError, UsageError
from trustbackup.sealing import seal_secrets
from trustbackup.store.identities import read_identities, unlocked
from trustbackup.views import notices
from trustbackup.views.base import VIEW, Page, takes_secrets
from trustbackup.views.held_identity import KEY, MINUTES
from trustbackup.views.labels import translate

_LARGEST = 64 << 10
"""Characters of a file with identities."""
_PARTS = ("database", "media", "settings")


@takes_secrets
class IdentityView(Page, View):
    """Hold the identity that was pasted, or forget it, and go back to the backup's page."""

    http_method_names = ["post"]
    permission_required = VIEW

    def post(self, request: HttpRequest, identifier: str) -> HttpResponse:
        request.session.pop(KEY, None)
        if "forget" not in request.POST:
            try:
                self._hold(request)
            except TrustbackupError as error:
                notices.error(request, translate(error))
        following = "restore" if request.POST.get("following") == "restore" else "detail"
        address = reverse(f"trustbackup:{following}", args=[identifier])
        part = request.POST.get("part", "")
        return redirect(f"{address}?part={part}" if part in _PARTS else address)

    @sensitive_variables()
    def _hold(self, request: HttpRequest) -> None:
        typed = request.POST.get("identity", "")
        if len(typed) > _LARGEST:
            raise UsageError(_("That is no identity"))
        passphrase = request.POST.get("passphrase", "")
        text = unlocked(typed.encode(), lambda: passphrase)
        read_identities(text)
        until = datetime.now(UTC) + timedelta(minutes=MINUTES)
        request.session[KEY] = {
            "sealed": seal_secrets({"identity": text.decode()}),
            "until": until.timestamp(),
        }
