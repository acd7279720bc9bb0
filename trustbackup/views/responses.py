"""What several views do: start a run, read a selection, write into the audit trail."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Run
from trustbackup.runs.identity import OPENING
from trustbackup.runs.queue import start
from trustbackup.runs.recorder import record_event
from trustbackup.store import names
from trustbackup.views import notices
from trustbackup.views.base import actor_of, address_of
from trustbackup.views.held_identity import token_of
from trustbackup.views.labels import translate

MOST_SELECTED = 10_000


def start_run_response(
    request: HttpRequest, action: str, options: dict[str, Any], target: str = "", plan: str = ""
) -> HttpResponseRedirect:
    """Start a run and go to its page, or back to the list with what stood in its way."""
    if action in OPENING and Run.SEALED not in options and (token := token_of(request)):
        # The same text as long as it is held, so that two clicks stay one run.
        options = {**options, Run.SEALED: token}
    try:
        run, new = start(
            action,
            options,
            actor=actor_of(request),
            address=address_of(request),
            target=target,
            plan=plan,
        )
    except TrustbackupError as error:
        notices.error(request, translate(error))
        return redirect("trustbackup:manage")
    if not new:
        notices.info(request, _("This is under way already."))
    return redirect("trustbackup:run", pk=run.pk)


def find_run(pk: str, action: str = "") -> Run:
    """The run, of this action if one is named. Raises Http404."""
    run = Run.objects.filter(pk=pk, **({"action": action} if action else {})).first()
    if run is None:
        raise Http404(_("There is no such run."))
    return run


def selected_in(request: HttpRequest) -> list[str]:
    """The backups that were ticked, each once; what is no id of ours is left out."""
    ticked = request.POST.getlist("selected")[:MOST_SELECTED]
    found = []
    for text in dict.fromkeys(ticked):
        parsed = names.parse(text)
        found.append(parsed.id if parsed else text)
    return [text for text in found if len(text) <= 200 and "\x00" not in text]


def nothing_selected(request: HttpRequest) -> HttpResponseRedirect:
    notices.warning(request, _("Nothing was selected: tick at least one backup."))
    return redirect("trustbackup:manage")


def audit(request: HttpRequest, action: str, target: str) -> None:
    """Write into the audit trail what somebody did."""
    record_event(action, target, actor=actor_of(request), address=address_of(request))
