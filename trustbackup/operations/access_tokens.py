"""Tokens for the API: make one, find out whose one is, revoke it.

A token is ``tbk_``, 43 letters and digits for 256 random bits, and 6 more for their CRC-32: by
prefix and check digits secret scanners know one, and a mistyped one costs no query. Of so many
random bits a plain SHA-256 is kept: there is nothing to guess, and no salt to slow down.
"""

from __future__ import annotations

import hashlib
import secrets
import string
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import IntegrityError, models, router, transaction

from trustbackup.exceptions import TrustbackupError, UsageError
from trustbackup.models import AccessToken, DownloadLink
from trustbackup.phrases import gettext as _

PREFIX = "tbk_"
_DIGITS = string.digits + string.ascii_letters
_RANDOM, _CHECK = 43, 6
"""Characters."""
_NOTED_EVERY = timedelta(minutes=1)
LONGEST_NAME = 50


class TokenRefused(TrustbackupError):
    """``code`` is one of a few that do not change."""

    default = _("This token is not valid")

    def __init__(self, code: str, what: str, *, todo: str = "") -> None:
        self.code = code
        super().__init__(what, todo=todo)


def _in_digits(number: int, length: int) -> str:
    found = ""
    for _place in range(length):
        number, rest = divmod(number, len(_DIGITS))
        found = _DIGITS[rest] + found
    return found


def _with_check(body: str) -> str:
    return PREFIX + body + _in_digits(zlib.crc32(body.encode()), _CHECK)


def is_well_formed(token: str) -> bool:
    """Whether it looks like a token of ours, and its check digits are right."""
    body = token.removeprefix(PREFIX)[:_RANDOM]
    return token.isascii() and len(body) == _RANDOM and token == _with_check(body)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def make_token(
    name: str,
    account: str,
    scopes: Sequence[str],
    *,
    networks: Sequence[str] = (),
    expires: datetime | None = None,
) -> tuple[str, AccessToken]:
    """The token, which is nowhere else, and its row. Raises UsageError."""
    try:
        validate_slug(name)
    except ValidationError:
        name_is_good = False
    else:
        name_is_good = len(name) <= LONGEST_NAME
    if not name_is_good:
        raise UsageError(
            _("A token can't be called %(name)s", name=repr(name)[:100]),
            todo=_("Use up to %(count)d letters, digits, - and _.", count=LONGEST_NAME),
        )
    known = [str(scope) for scope in AccessToken.Scope.values]
    if not scopes or not set(scopes) <= set(known):
        raise UsageError(
            _("A token can't have the scopes %(scopes)s", scopes=", ".join(scopes)),
            todo=_("Known are %(known)s.", known=", ".join(known)),
        )
    user = _user_named(account)
    token = _with_check(_in_digits(secrets.randbits(256), _RANDOM))
    row = AccessToken(
        name=name,
        digest=_digest(token),
        account=user.get_username(),
        account_key=str(user.pk),
        scopes=[scope for scope in known if scope in scopes],
        networks=[_network(text) for text in networks],
        created=datetime.now(UTC),
        expires=expires,
    )
    try:
        with transaction.atomic(using=router.db_for_write(AccessToken)):
            row.save(force_insert=True)
    except IntegrityError:
        raise UsageError(
            _("There is a token %(name)r already", name=name),
            todo=_("Choose another name: that of a revoked one stays its own."),
        ) from None
    return token, row


def _network(text: str) -> str:
    try:
        return str(ip_network(text.strip()))
    except ValueError as error:
        raise UsageError(
            _("%(text)s is no network", text=repr(text)[:100]),
            why=str(error),
            todo=_("Write one as 10.0.0.0/8, or an address."),
        ) from None


def _user_named(account: str) -> Any:  # noqa: ANN401 - a site's own class of users
    users = get_user_model()._default_manager  # noqa: SLF001 - documented API
    try:
        user = users.get_by_natural_key(account)
    except (users.model.DoesNotExist, ValueError):
        user = None
    if user is None or not user.is_active:
        raise UsageError(
            _("There is no account %(name)s that may sign in", name=repr(account)[:100]),
            todo=_("Give the name that it signs in by."),
        )
    return user


def authenticate(token: str, address: str) -> tuple[Any, AccessToken]:
    """The account a token stands for, and the token's row. Raises TokenRefused.

    ``address`` is where it came from, as the web server says it.
    """
    row = (
        AccessToken.objects.filter(digest=_digest(token)).first() if is_well_formed(token) else None
    )
    if row is None:
        raise TokenRefused("token_unknown", _("There is no such token"))
    user = check_token(row, address)
    _note_use(row, datetime.now(UTC))
    return user, row


def check_token(row: AccessToken, address: str) -> Any:  # noqa: ANN401
    """The account that a token stands for. Raises TokenRefused where it is worth nothing."""
    if row.revoked is not None:
        raise TokenRefused("token_revoked", _("This token was revoked"))
    if row.is_over(datetime.now(UTC)):
        raise TokenRefused("token_expired", _("This token's time is over"))
    if not _is_from(address, row.networks):
        raise TokenRefused("token_network", _("This token may not be used from this address"))
    user = account_of(row)
    if user is None:
        raise TokenRefused("token_account", _("The account of this token may not sign in"))
    return user


def _is_from(address: str, networks: Sequence[str]) -> bool:
    if not networks:
        return True
    try:
        found = ip_address(address)
    except ValueError:
        return False  # a socket's other end has no address
    mapped = getattr(found, "ipv4_mapped", None) or found
    return any(mapped in ip_network(network) for network in networks)


def account_of(row: AccessToken | DownloadLink) -> Any:  # noqa: ANN401
    """None for one that is gone, switched off, or somebody else by now."""
    users = get_user_model()._default_manager  # noqa: SLF001
    try:
        user = users.filter(pk=row.account_key).first()
    except (ValueError, ValidationError):
        return None
    if user is None or str(user.get_username()) != row.account or not user.is_active:
        return None
    return user


def _note_use(row: AccessToken, now: datetime) -> None:
    """At most once a minute, whatever it is used for."""
    before = now - _NOTED_EVERY
    if row.used is not None and before < row.used <= now:
        return
    stale = models.Q(used=None) | models.Q(used__lte=before) | models.Q(used__gt=now)
    AccessToken.objects.filter(stale, pk=row.pk).update(used=now)


def revoke_token(name: str) -> AccessToken:
    """For good; the row stays for who looks back. Raises UsageError."""
    row = AccessToken.objects.filter(name=name).first()
    if row is None:
        raise UsageError(
            _("There is no token %(name)s", name=repr(name)[:100]),
            todo=_("See backup_token list for those that there are."),
        )
    if row.revoked is None:
        row.revoked = datetime.now(UTC)
        row.save(update_fields=["revoked"])
    return row
