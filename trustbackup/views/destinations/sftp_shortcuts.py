"""Three buttons that pages of this kind have beside the list: they mean one SFTP destination.

What they do is what the destinations' own pages do; the answer is always the list, with notices.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from trustbackup.destinations.sftp import KIND
from trustbackup.models import Destination
from trustbackup.operations.offsite.connection_test import (
    ConnectionTestResult,
    try_destination,
    try_saved,
)
from trustbackup.views import notices
from trustbackup.views.destinations.forms import DestinationForm, form_class
from trustbackup.views.destinations.pages import reset
from trustbackup.views.destinations.saving import save, stored_secrets
from trustbackup.views.labels import translate
from trustbackup.views.responses import audit

BUTTONS = ("test_sftp_connection", "save_backup_settings", "reset_backup_settings")


def press(request: HttpRequest) -> HttpResponseRedirect:
    """Do what one of ``BUTTONS`` says, with the fields of the SFTP form."""
    row = Destination.objects.filter(name=KIND.name).first()
    if row is not None and row.kind != KIND.name:
        text = _("The destination named %(name)s is of another kind. Remove it first.")
        notices.error(request, text % {"name": KIND.name})
    elif "reset_backup_settings" in request.POST:
        if row is not None:
            reset(request, row)
        else:
            notices.info(request, _("There are no settings to remove."))
    elif "test_sftp_connection" in request.POST and "host" not in request.POST:
        if row is not None:
            _tell(request, try_saved(row))
        else:
            notices.error(request, _("There is no SFTP server to test: enter one first."))
    else:
        _test_or_save(request, row)
    return redirect("trustbackup:manage")


def _test_or_save(request: HttpRequest, row: Destination | None) -> None:
    data = {"name": KIND.name, "port": "22", "timeout": "30", **request.POST.dict()}
    if row is None or row.automatic:
        data.setdefault("automatic", "on")
    stored, lost = stored_secrets(row) if row else ({}, "")
    form = form_class(KIND)(data, row=row, stored=stored)
    if not form.is_valid():
        _tell_errors(request, form)
    elif "test_sftp_connection" in request.POST:
        audit(request, "test destination", KIND.name)
        _tell(request, try_destination(KIND.name, form.options, form.secrets))
    elif save(form, keep_lost=bool(lost)) is None:
        _tell_errors(request, form)
    else:
        audit(request, "change destination" if row else "add destination", KIND.name)
        notices.success(request, _("Destination %(name)s was saved.") % {"name": KIND.name})


def _tell_errors(request: HttpRequest, form: DestinationForm) -> None:
    for name, errors in form.errors.items():
        label = f"{form.fields[name].label}: " if name in form.fields else ""
        notices.error(request, label + " ".join(map(str, errors)))


def _tell(request: HttpRequest, result: ConnectionTestResult) -> None:
    if result.ok:
        notices.success(request, _("The connection works: copies can go there."))
    else:
        notices.error(request, translate(result.problem))
