"""The recovery sheet: whether somebody has it on paper, and whether that is still true."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from trustbackup.operations.doctor.finding import Finding, Look
from trustbackup.operations.recovery.sheet import make_sheet, printed_sheet
from trustbackup.phrases import ago
from trustbackup.phrases import gettext as _

_LOOK = Look("site")
OLD = timedelta(days=365)


def look_at_sheet(now: datetime) -> Iterator[Finding]:
    """Raises DatabaseError, ConfigurationError."""
    sheet = make_sheet()
    printed = printed_sheet(sheet)
    name, todo = "recovery sheet", _("Print it anew, and say so: recovery_sheet --printed.")
    if printed is None:
        yield _LOOK.warn(
            name,
            _("Nobody has printed the recovery sheet: it would be lost with the site."),
            _("Print it, keep it elsewhere, and say so: recovery_sheet --printed."),
        )
    elif not printed.still_true:
        yield _LOOK.warn(
            name,
            _(
                "The recovery sheet was printed %(ago)s, and is not true any more.",
                ago=ago(now - printed.at),
            ),
            todo,
        )
    elif now - printed.at > OLD:
        yield _LOOK.warn(
            name, _("The recovery sheet was printed %(ago)s.", ago=ago(now - printed.at)), todo
        )
    elif unkept := [secret.name for secret in sheet.secrets if not secret.stored_at]:
        yield _LOOK.warn(
            name,
            _("The recovery sheet does not say where %(name)s is kept.", name=unkept[0]),
            _("Say so in TRUSTBACKUP['SECRETS_KEPT']: the place, never the secret."),
        )
    else:
        yield _LOOK.ok(
            name, _("The recovery sheet was printed %(ago)s.", ago=ago(now - printed.at))
        )
