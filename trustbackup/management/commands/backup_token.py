"""``manage.py backup_token``: tokens by which programs sign in to the API."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import CommandParser

from trustbackup.exceptions import UsageError
from trustbackup.management.terminal import BackupCommand
from trustbackup.models import AccessToken
from trustbackup.operations.access_tokens import make_token, revoke_token
from trustbackup.phrases import gettext as _
from trustbackup.runs.recorder import record_event, system_user

_MOST_DAYS = 3650


class Command(BackupCommand):
    help = "Make a token for the API, list them all, or revoke one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["make", "list", "revoke"])
        parser.add_argument("name", nargs="?", default="", help="The token's name.")
        parser.add_argument("--user", default="", help="make: the account that it stands for.")
        parser.add_argument(
            "--scope",
            action="append",
            default=[],
            choices=AccessToken.Scope.values,
            help="make: what it may be used for; several times for several.",
        )
        parser.add_argument(
            "--days", type=int, help="make: for how many days; without it, until it is revoked."
        )
        parser.add_argument(
            "--network",
            action="append",
            default=[],
            metavar="10.0.0.0/8",
            help="make: from where alone it may be used; several times for several.",
        )

    def run(self, options: dict[str, Any]) -> bool:
        if options["what"] == "list":
            self._list(as_json=options["json"])
            return True
        if not options["name"]:
            raise UsageError(_("No token was named"), todo=_("Give its name after make or revoke."))
        if options["what"] == "revoke":
            row = revoke_token(options["name"])
            self._record("revoke token", row)
            self._tell(row, f"Token {row.name} is revoked.", as_json=options["json"])
            return True
        token, row = make_token(
            options["name"],
            options["user"],
            options["scope"],
            networks=options["network"],
            expires=_end_of(options["days"]),
        )
        self._record("make token", row)
        if options["json"]:
            self.print_json({**_as_json(row), "token": token})
        else:
            self.stderr.write("This is shown once; keep it where secrets are kept.")
            self.stdout.write(token)
        return True

    def _list(self, *, as_json: bool) -> None:
        rows = list(AccessToken.objects.all())
        if as_json:
            self.print_json([_as_json(row) for row in rows])
            return
        now = datetime.now(UTC)
        for row in rows:
            state = "over" if row.is_over(now) else "valid"
            used = f"{row.used:%Y-%m-%d %H:%M} UTC" if row.used else "never"
            scopes = ", ".join(row.scopes)
            self.stdout.write(f"{row.name}  {row.account}  {scopes}  {state}  last used: {used}")
        if not rows:
            self.stdout.write("There are no tokens.")

    def _tell(self, row: AccessToken, sentence: str, *, as_json: bool) -> None:
        if as_json:
            self.print_json(_as_json(row))
        else:
            self.stdout.write(sentence)

    def _record(self, action: str, row: AccessToken) -> None:
        actor = f"{system_user()} (command)"
        record_event(action, row.name, actor=actor, address=socket.gethostname())


def _end_of(days: int | None) -> datetime | None:
    if days is None:
        return None
    if not 1 <= days <= _MOST_DAYS:
        raise UsageError(
            _("A token can't be valid for %(days)d days", days=days),
            todo=_("Give 1 to %(most)d.", most=_MOST_DAYS),
        )
    return datetime.now(UTC) + timedelta(days=days)


def _as_json(row: AccessToken) -> dict[str, Any]:
    """All but its digest; moments are ISO 8601 in UTC."""
    moments = {name: getattr(row, name) for name in ("created", "expires", "revoked", "used")}
    return {
        "name": row.name,
        "account": row.account,
        "scopes": row.scopes,
        "networks": row.networks,
        **{name: at and at.astimezone(UTC).isoformat() for name, at in moments.items()},
    }
