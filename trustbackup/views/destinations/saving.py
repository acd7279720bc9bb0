"""Writing down what a destination's form holds: for the page, and for programs."""

from __future__ import annotations

from django.db import IntegrityError, router, transaction
from django.utils.translation import gettext as _

from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Destination
from trustbackup.operations.offsite.targets import open_secrets
from trustbackup.sealing import seal_secrets
from trustbackup.views.destinations.forms import DestinationForm


def stored_secrets(row: Destination) -> tuple[dict[str, str], str]:
    """The secrets of a saved one, and why they can't be read."""
    try:
        return open_secrets(row), ""
    except TrustbackupError as error:
        return {}, str(error)


def save(form: DestinationForm, *, keep_lost: bool = False) -> Destination | None:
    """Write down what a valid form holds; ``keep_lost`` leaves secrets that no key opens.

    None when somebody else was quicker to use its name; then the form says so.
    """
    row = form.row or Destination(name=form.cleaned_data["name"], kind=form.kind.name)
    row.options = form.options
    if any(form.secrets.values()) or not keep_lost:
        row.secrets = seal_secrets(form.secrets)
    row.automatic = form.cleaned_data["automatic"]
    row.problem = ""
    try:
        with transaction.atomic(router.db_for_write(Destination)):
            row.save()
    except IntegrityError:
        form.add_error("name", _("There is a destination of this name already."))
        return None
    return row
