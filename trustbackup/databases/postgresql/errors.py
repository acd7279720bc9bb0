"""What the server's errors mean, told by their SQLSTATE and not by their text.

A server speaks the language of its ``lc_messages``. A failed login has no SQLSTATE: libpq keeps
it to itself, so what it was is found out by asking once more.
https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

import contextlib
import secrets
import socket
from collections.abc import Iterator

from django.db import DatabaseError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from trustbackup.exceptions import TrustbackupError
from trustbackup.phrases import gettext as _
from trustbackup.phrases import one_line

INVALID_PASSWORD = "28P01"  # noqa: S105 - a code
LOCK_NOT_AVAILABLE = "55P03"
INSUFFICIENT_PRIVILEGE = "42501"

START_SERVER = _("Start the server, or correct HOST and PORT in DATABASES, then try again.")
CORRECT_LOGIN = _("Correct USER and PASSWORD in DATABASES, then try again.")
WAIT_FOR_LOCK = _("Wait until what holds the lock is done, then try again.")
_REMEDIES = {
    INVALID_PASSWORD: CORRECT_LOGIN,
    LOCK_NOT_AVAILABLE: WAIT_FOR_LOCK,
    INSUFFICIENT_PRIVILEGE: _("Give the role the right to do this, then try again."),
    "53200": _(
        "If the server's log says so, raise max_locks_per_transaction there, then try again."
    ),
    "53300": _("Wait until connections are free, or raise max_connections, then try again."),
}
_POOLERS_LIMIT = "query_wait_timeout"
"""PgBouncer's words, without an SQLSTATE of its own, when nothing became free for a client.

https://www.pgbouncer.org/config.html#query_wait_timeout
"""
_SAME_IN_ALL_LANGUAGES = {
    LOCK_NOT_AVAILABLE: _("canceling statement due to lock timeout"),
    "53200": _("the server is out of shared memory"),
}


class NotReached(OperationalError):
    """No server answered."""


class LoginRefused(OperationalError):
    """The server did not take the password."""


def sqlstate_of(problem: BaseException) -> str:
    """Five characters; "" when the server gave none."""
    for error in (problem, problem.__cause__):
        for name in ("sqlstate", "pgcode"):  # psycopg's and psycopg2's
            if code := getattr(error, name, None):
                return str(code)
    return ""


@contextlib.contextmanager
def translate(error: type[TrustbackupError], what: str) -> Iterator[None]:
    """Turn a database error into one sentence of ours."""
    try:
        yield
    except DatabaseError as problem:
        why, todo = explain(problem)
        raise error(what, why=why, todo=todo) from problem


def explain(problem: DatabaseError) -> tuple[str, str]:
    """Why it failed, a clause without its full stop, and what to do."""
    why = one_line(str(problem)) or type(problem).__name__
    if why.endswith("."):  # a hint's; a clause of ours has none
        why = why.rstrip(".")
    if _POOLERS_LIMIT in why:
        return (
            _("its pooler had no connection free for it (%(limit)s)", limit=_POOLERS_LIMIT),
            _("Wait until its clients are done, or raise its default_pool_size, then try again."),
        )
    state = sqlstate_of(problem)
    why = _SAME_IN_ALL_LANGUAGES.get(state, why)
    if isinstance(problem, NotReached):
        return why, START_SERVER
    if isinstance(problem, LoginRefused):
        return why, CORRECT_LOGIN
    return why, _REMEDIES.get(state, _("Look into the server's log, then try again."))


def connection_failure(problem: DatabaseError, wrapper: BaseDatabaseWrapper) -> DatabaseError:
    """The same error as the kind that it is, found out without reading its text."""
    cause = problem.__cause__
    connection = getattr(cause, "pgconn", None)
    if type(cause).__name__ == "ConnectionTimeout":
        return NotReached(str(problem))
    if getattr(connection, "needs_password", False):
        return LoginRefused(str(problem))
    if not getattr(connection, "used_password", True):
        return problem if _somebody_listens(connection) else NotReached(str(problem))
    if connection is None and not _somebody_listens(wrapper.get_connection_params()):
        return NotReached(str(problem))  # psycopg2 tells less
    if _says_the_same_to_any_password(problem, wrapper):
        user = wrapper.get_connection_params().get("user") or getattr(connection, "user", "")
        return LoginRefused(_("password authentication failed for user %(user)r", user=str(user)))
    return problem


def _somebody_listens(where: object) -> bool:
    """Whether a server takes connections there; True where that can't be told."""

    def part(name: str) -> str:
        value = where.get(name) if isinstance(where, dict) else getattr(where, name, "")
        text = value.decode() if isinstance(value, bytes) else str(value or "")
        return text.split(",")[-1]

    host, port = part("hostaddr") or part("host"), part("port") or "5432"
    if not host or not port.isdecimal():
        return True
    try:
        if host.startswith("/"):
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(2)
                probe.connect(f"{host}/.s.PGSQL.{port}")
        else:
            socket.create_connection((host, int(port)), timeout=2).close()
    except OSError:
        return False
    return True


def _says_the_same_to_any_password(problem: DatabaseError, wrapper: BaseDatabaseWrapper) -> bool:
    """A password that is surely wrong gets the same answer where the password was the matter."""
    parameters = {**wrapper.get_connection_params(), "password": secrets.token_urlsafe()}
    try:
        with wrapper.wrap_database_errors:
            wrapper.get_new_connection(parameters).close()
    except DatabaseError as other:
        return str(other) == str(problem)
    return False
