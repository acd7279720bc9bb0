"""What a page says while the database does not answer, as when a restore swaps it."""

from __future__ import annotations

import logging
import sqlite3

from django.db import Error, close_old_connections
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.log import log_response

logger = logging.getLogger(__name__)

RETRY = 2
"""Seconds until a page asks again; a swap takes about one."""
READ = 6
"""Seconds until somebody who sent a form, and has more to read, is taken to Activity."""
_SQLITE_WAITS = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN}


def does_not_answer(error: Error) -> bool:
    """Whether an OperationalError or InterfaceError is about reaching the database.

    SQLite calls a missing table an operational error, too, and waiting mends that never.
    https://sqlite.org/rescode.html
    """
    code = getattr(error.__cause__, "sqlite_errorcode", None)
    return code is None or code & 0xFF in _SQLITE_WAITS


def unreachable(request: HttpRequest, error: Error) -> HttpResponse:
    """A 503 that needs no database, and goes on by itself: without scripts, under any policy.

    What was sent is not sent again: then it goes to Activity, which tells whether it was begun.
    """
    close_old_connections()
    asked = request.method in ("GET", "HEAD")
    following = request.get_full_path() if asked else reverse("trustbackup:activity")
    # Without the request no context processor runs: they ask for the user and the session.
    page = render_to_string(
        "settings/backups/unreachable.html", {"asked": asked, "following": following}
    )
    response = HttpResponse(page, status=503)
    response["Retry-After"] = str(RETRY)
    response["Refresh"] = str(RETRY) if asked else f"{READ}; url={following}"
    response["Cache-Control"] = "no-store"
    # Django logs a 5xx as an error, which is mailed to ADMINS; pages ask every second or two.
    cause = (str(error).splitlines() or [type(error).__name__])[0]
    log_response(
        "%s was not shown: the database does not answer (%s)",
        request.path,
        cause,
        response=response,
        request=request,
        logger=logger,
        level="warning",
    )
    return response
