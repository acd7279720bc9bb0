"""What several views do: start a run, read a selection, write into the audit trail."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from trustbackup.exceptions import TrustbackupError
from trustbackup.runs.engine import start
from trustbackup.runs.life import note
from trustbackup.store import names
from trustbackup.views.access import actor_of, address_of
from trustbackup.views.words import said

MOST_SELECTED = 10_000


def started(
    request: HttpRequest, verb: str, options: dict[str, Any], target: str = ""
) -> HttpResponseRedirect:
    """Start a run and go to its page, or back to the list with what stood in its way."""
    try:
        run, new = start(
            verb, options, actor=actor_of(request), address=address_of(request), target=target
        )
    except TrustbackupError as error:
        messages.error(request, said(error))
        return redirect("trustbackup:manage")
    if not new:
        messages.info(request, _("This is under way already."))
    return redirect("trustbackup:run", pk=run.pk)


def selected_in(request: HttpRequest) -> list[str]:
    """The backups that were ticked, each once; what is no id of ours is left out."""
    ticked = request.POST.getlist("selected")[:MOST_SELECTED]
    found = []
    for text in dict.fromkeys(ticked):
        parsed = names.parse(text)
        found.append(parsed.id if parsed else text)
    return [text for text in found if len(text) <= 200 and "\x00" not in text]


def nothing_selected(request: HttpRequest) -> HttpResponseRedirect:
    messages.warning(request, _("Nothing was selected: tick at least one backup."))
    return redirect("trustbackup:manage")


def noted(request: HttpRequest, verb: str, target: str) -> None:
    """Write into the audit trail what somebody did."""
    note(verb, target, actor=actor_of(request), address=address_of(request))
