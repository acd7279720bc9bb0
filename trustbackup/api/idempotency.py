"""``Idempotency-Key``: what is asked for twice under one key is one run.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, router, transaction
from django.utils.crypto import constant_time_compare, salted_hmac
from rest_framework.request import Request

from trustbackup.api.problems import Problem
from trustbackup.models import ClaimedKey, Run
from trustbackup.views.base import actor_of

KEPT = timedelta(days=1)
_ABANDONED = timedelta(minutes=1)
"""Who claimed a key so long ago and started nothing has died."""
_WAIT, _PAUSE = 10.0, 0.1
"""Seconds."""
_SALT = "trustbackup.api.idempotency"
_VISIBLE = re.compile(r"[!-~]{1,200}", re.ASCII)


def once(request: Request, start: Callable[[], Run]) -> Run:
    """The run that ``start`` makes, or the one that was made for the same request.

    Raises Problem for a key that stands for something else, and what ``start`` does.
    """
    key = read_key(request)
    if key is None:
        return start()
    claimed, is_ours = _claim(actor_of(request), key, _digests(request))
    if not is_ours:
        return _run_of(claimed)
    try:
        run = start()
    except BaseException:
        claimed.delete()  # nothing was started: it may be tried again
        raise
    claimed.run = run.pk
    claimed.save(update_fields=["run"])
    return run


def read_key(request: Request) -> str | None:
    """None where none was sent. Raises Problem for one that can't be."""
    key: str | None = request.headers.get("Idempotency-Key")
    if key is not None and not _VISIBLE.fullmatch(key):
        raise Problem(
            400, "invalid", "An Idempotency-Key is 1 to 200 visible characters of ASCII.", errors={}
        )
    return key


def _digests(request: Request) -> list[str]:
    """By the site's key, and by those that it was before.

    What was asked for may hold a password: without the site's key nobody can try out which.
    """
    asked = json.dumps([request.method, request.path, request.data], sort_keys=True)
    return [
        salted_hmac(_SALT, asked, secret, algorithm="sha256").hexdigest()
        for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]


def _claim(owner: str, key: str, digests: list[str]) -> tuple[ClaimedKey, bool]:
    now = datetime.now(UTC)
    ClaimedKey.objects.filter(at__lt=now - KEPT).delete()
    ClaimedKey.objects.filter(run=None, at__lt=now - _ABANDONED).delete()
    try:
        with transaction.atomic(using=router.db_for_write(ClaimedKey)):
            mine = ClaimedKey.objects.create(owner=owner[:200], key=key, digest=digests[0], at=now)
            return mine, True
    except IntegrityError:
        found = ClaimedKey.objects.filter(owner=owner[:200], key=key).first()
    if found is None:
        raise _busy()
    if not any(constant_time_compare(found.digest, digest) for digest in digests):
        raise Problem(
            422, "key_reused", "This Idempotency-Key was sent with something else: use another."
        )
    return found, False


def _run_of(claimed: ClaimedKey) -> Run:
    """Who was first may be about to start it."""
    until = time.monotonic() + _WAIT
    while True:
        found: uuid.UUID | None = (
            ClaimedKey.objects.filter(pk=claimed.pk).values_list("run", flat=True).first()
        )
        run = Run.objects.filter(pk=found).first() if found else None
        if run is not None:
            return run
        if time.monotonic() > until:
            raise _busy()
        time.sleep(_PAUSE)


def _busy() -> Problem:
    return Problem(409, "busy", "The same request is being answered at this moment: try again.")
