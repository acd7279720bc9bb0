"""What the server's errors mean, told by their number and not by their text.

https://mariadb.com/kb/en/mariadb-error-codes/
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from trustbackup.exceptions import TrustbackupError
from trustbackup.phrases import gettext as _
from trustbackup.phrases import one_line

LOCK_WAIT_TIMEOUT = 1205
ACCESS_DENIED = (1044, 1045, 1698)
RIGHT_MISSING = (1142, 1143, 1227, 1370)
NOT_REACHED = (2002, 2003, 2005)
GONE = (2006, 2013, 1927, 1053)
UNKNOWN_DATABASE = 1049

_START = _("Start the server, or correct HOST and PORT in DATABASES, then try again.")
_REMEDIES = {
    LOCK_WAIT_TIMEOUT: _("Wait until what holds the lock is done, then try again."),
    UNKNOWN_DATABASE: _("Correct NAME in DATABASES, or create the database, then try again."),
    1040: _("Wait until connections are free, or raise max_connections, then try again."),
    **dict.fromkeys(NOT_REACHED, _START),
    **dict.fromkeys(GONE, _START),
    **dict.fromkeys(ACCESS_DENIED, _("Correct USER and PASSWORD in DATABASES, then try again.")),
    1044: _("Give the user the right to do this, then try again."),
    **dict.fromkeys(RIGHT_MISSING, _("Give the user the right to do this, then try again.")),
}


def code_of(problem: BaseException) -> int:
    """The server's number, or the client's from 2000 on; 0 when there is none."""
    for error in (problem, problem.__cause__):
        if error is not None and error.args and isinstance(error.args[0], int):
            return error.args[0]
    return 0


@contextlib.contextmanager
def translate(error: type[TrustbackupError], what: str) -> Iterator[None]:
    """Turn a database error into one sentence of ours."""
    try:
        yield
    except (DatabaseError, ImproperlyConfigured) as problem:
        why, todo = explain(problem)
        raise error(what, why=why, todo=todo) from problem


def explain(problem: BaseException) -> tuple[str, str]:
    """Why it failed, a clause without its full stop, and what to do."""
    # Both drivers raise with the number and the server's text.
    text = str(problem.args[1]) if len(problem.args) > 1 else str(problem)
    why = one_line(text).rstrip(".") or type(problem).__name__
    todo = _REMEDIES.get(code_of(problem), _("Look into the server's log, then try again."))
    return why, todo
