"""Three buttons that pages of this kind have beside the list: they mean one SFTP destination.

What they do is what the destinations' own pages do; the answer is always the list, with messages.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from trustbackup.models import Destination
from trustbackup.operations.trying import Trial, try_destination, try_saved
from trustbackup.views.answers import noted
from trustbackup.views.destination_forms import SftpForm
from trustbackup.views.destinations import reset, save, stored_secrets
from trustbackup.views.words import said

SFTP = "sftp"
"""The destination's name."""
BUTTONS = ("test_sftp_connection", "save_backup_settings", "reset_backup_settings")


def press(request: HttpRequest) -> HttpResponseRedirect:
    """Do what one of ``BUTTONS`` says, with the fields of the SFTP form."""
    row = Destination.objects.filter(name=SFTP).first()
    if row is not None and row.kind != SftpForm.kind:
        text = _("The destination named %(name)s is of another kind. Remove it first.")
        messages.error(request, text % {"name": SFTP})
    elif "reset_backup_settings" in request.POST:
        if row is not None:
            reset(request, row)
        else:
            messages.info(request, _("There are no settings to remove."))
    elif "test_sftp_connection" in request.POST and "host" not in request.POST:
        if row is not None:
            _tell(request, try_saved(row))
        else:
            messages.error(request, _("There is no SFTP server to test: enter one first."))
    else:
        _test_or_save(request, row)
    return redirect("trustbackup:manage")


def _test_or_save(request: HttpRequest, row: Destination | None) -> None:
    data = {"name": SFTP, "port": "22", "timeout": "30", **request.POST.dict()}
    if row is None or row.automatic:
        data.setdefault("automatic", "on")
    stored, lost = stored_secrets(row) if row else ({}, "")
    form = SftpForm(data, row=row, stored=stored)
    if not form.is_valid():
        for name, errors in form.errors.items():
            label = f"{form.fields[name].label}: " if name in form.fields else ""
            messages.error(request, label + " ".join(map(str, errors)))
    elif "test_sftp_connection" in request.POST:
        noted(request, "test destination", SFTP)
        _tell(request, try_destination(SFTP, form.options, form.secrets))
    else:
        noted(request, "change destination" if row else "add destination", SFTP)
        save(form, keep_lost=bool(lost))
        messages.success(request, _("Destination %(name)s was saved.") % {"name": SFTP})


def _tell(request: HttpRequest, trial: Trial) -> None:
    if trial.ok:
        messages.success(request, _("The connection works: copies can go there."))
    else:
        messages.error(request, said(trial.problem))
