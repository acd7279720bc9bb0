"""Addresses that give one file of a backup out once, within minutes, for who has no token.

A link is worth no more than who made it: it dies with his account, with his right to download, and
with the token that it was made by, and keeps to that token's networks. Its secret has 256 random
bits, so that a plain SHA-256 of it is kept.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from trustbackup.models import AccessToken, DownloadLink
from trustbackup.operations.access_tokens import TokenRefused, account_of, check_token
from trustbackup.phrases import gettext as _

MOST_MINUTES = 60
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_REMEMBERED = timedelta(days=1)
"""For so long who comes too late is told so, instead of that there is no such link."""


class LinkRefused(TokenRefused):
    """``code`` is ``link_unknown`` or ``link_over``."""

    default = _("There is no such link")


def make_link(
    user: Any,  # noqa: ANN401 - the site's own model of accounts
    token: AccessToken | None,
    backup: str,
    file: str,
    minutes: int,
) -> tuple[str, DownloadLink]:
    """The link's secret, which is told this once, and its row."""
    now = datetime.now(UTC)
    DownloadLink.objects.filter(expires__lt=now - _REMEMBERED).delete()
    secret = secrets.token_urlsafe(32)
    row = DownloadLink.objects.create(
        digest=_digest(secret),
        account=str(user.get_username())[:200],
        account_key=str(user.pk),
        token=token.digest if token else "",
        backup=backup,
        file=file,
        created=now,
        expires=now + timedelta(minutes=min(minutes, MOST_MINUTES)),
    )
    return secret, row


def find_link(secret: str, address: str, right: str) -> tuple[Any, DownloadLink]:
    """Who made it, and its row. Raises LinkRefused; that it was looked at uses nothing up.

    ``address`` is where it came from, and ``right`` what its maker must still have.
    """
    row = None
    if _SECRET.fullmatch(secret):
        row = DownloadLink.objects.filter(digest=_digest(secret)).first()
    if row is None:
        raise LinkRefused("link_unknown", _("There is no such link"))
    if row.used is not None:
        raise _over(_("This link was used already"))
    if row.expires <= datetime.now(UTC):
        raise _over(_("The time of this link is over"))
    user = account_of(row)
    if user is None or not user.has_perm(right, None) or not _token_holds(row, address):
        raise _over(_("Who made this link may not download any more, or not from here"))
    return user, row


def use_link(row: DownloadLink) -> None:
    """Raises LinkRefused for all but the first who comes."""
    now = datetime.now(UTC)
    mine = DownloadLink.objects.filter(pk=row.pk, used=None, expires__gt=now).update(used=now)
    if not mine:
        raise _over(_("This link was used already"))


def _token_holds(row: DownloadLink, address: str) -> bool:
    if not row.token:
        return True
    token = AccessToken.objects.filter(digest=row.token).first()
    if token is None or AccessToken.Scope.DOWNLOAD not in token.scopes:
        return False
    try:
        check_token(token, address)
    except TokenRefused:
        return False
    return True


def _over(what: str) -> LinkRefused:
    return LinkRefused("link_over", what, todo=_("Ask for another one."))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
