"""Where a database is: one source for our own sessions and for the programs.

A session connects as Django does. What libpq made of that (service files, PGSERVICE, a
password file, several hosts) is then asked of the session itself, and a program is told just
that, and nothing else: none of libpq's own variables reaches it.
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.errors import (
    INSUFFICIENT_PRIVILEGE,
    connection_failure,
    sqlstate_of,
)
from trustbackup.databases.postgresql.pgbouncer import Console
from trustbackup.databases.postgresql.pooled import (
    client_pid,
    configure,
    is_pooled,
    note_pooler,
    saying_what_is_waited_for,
)
from trustbackup.databases.values import OF_SUPERUSER, Options
from trustbackup.phrases import gettext as _

_VARIABLES = {
    "hostaddr": "PGHOSTADDR",
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "options": "PGOPTIONS",
    "application_name": "PGAPPNAME",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "channel_binding": "PGCHANNELBINDING",
    "require_auth": "PGREQUIREAUTH",
    "requirepeer": "PGREQUIREPEER",
    "sslmode": "PGSSLMODE",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "sslcompression": "PGSSLCOMPRESSION",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcertmode": "PGSSLCERTMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcrl": "PGSSLCRL",
    "sslcrldir": "PGSSLCRLDIR",
    "sslsni": "PGSSLSNI",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
    "min_protocol_version": "PGMINPROTOCOLVERSION",
    "max_protocol_version": "PGMAXPROTOCOLVERSION",
    "gssencmode": "PGGSSENCMODE",
    "krbsrvname": "PGKRBSRVNAME",
    "gsslib": "PGGSSLIB",
    "gssdelegation": "PGGSSDELEGATION",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
"""libpq's keyword → its variable; a program older than one of them passes it over."""
_ON_THE_COMMAND_LINE = (  # what has no variable, and is no secret
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
)
_CONNECTION = ("NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")
_SETTINGS = {
    "statement_timeout": "0",
    "transaction_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "default_transaction_read_only": "off",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "datestyle": "ISO",
    "quote_all_identifiers": "off",
}
"""What a server, a database or a role may have set otherwise: limits meant for web requests, and
what decides whether a restore may write, and how rows (psycopg reads ISO dates) and names look."""
_LEFT_BY_PG_DUMP = "'idle_session_timeout', 'quote_all_identifiers'"
_IDENTIFIER = "(SELECT system_identifier::text FROM pg_control_system())"
_STARTED = "'started ' || extract(epoch FROM pg_postmaster_start_time())"  # in any zone the same
_SET_UP = """
    WITH known AS (
        SELECT name, value FROM unnest(%s::text[], %s::text[]) wanted (name, value)
        WHERE current_setting(name, true) IS NOT NULL)
    SELECT current_database(), {server}, pg_backend_pid() = %s,
        CASE WHEN pg_backend_pid() = %s
            THEN (SELECT array_agg(set_config(name, value, false)) FROM known)
            ELSE (SELECT array_agg(name) FROM known) END
"""
"""Set for the session, unless a pooler would keep it for others: then the names come back."""


class WrongDatabase(OperationalError):
    """A session found itself in another database than the one that was meant."""


@dataclass(frozen=True)
class ProgramAddress:
    """What a program of PostgreSQL is told, no secret of it by an argument."""

    arguments: Sequence[str]
    variables: Mapping[str, str] = field(repr=False)

    @property
    def secrets(self) -> list[str]:
        return [self.variables.get("PGPASSWORD", "")]

    def environment(self, *more: Mapping[str, str], inherit: bool = True) -> dict[str, str]:
        """The site's environment without any variable of libpq, then ``more``, then ours."""
        env = dict(os.environ) if inherit else {}
        for item in more:
            env.update({key: str(value) for key, value in item.items()})
        env = {key: value for key, value in env.items() if not key.startswith("PG")}
        env.setdefault("PATH", os.defpath)
        return {**env, **self.variables}


class Address:
    """Opens sessions on an alias's server; ``settings`` may be others, as a backup role's."""

    def __init__(
        self, alias: str, options: Options, settings: Mapping[str, Any] | None = None
    ) -> None:
        self.alias = alias
        self.options = options
        self._settings = dict(settings or connections[alias].settings_dict)
        self._name = str(self._settings["NAME"] or "")
        self._servers: dict[bool, str] = {}
        console = options.pooler_console if OF_SUPERUSER not in self._settings else ""
        self.pooler = Console(alias, console) if console else None
        self.pooled = False
        """Whether the last session went through a pooler, such as PgBouncer."""

    @property
    def name(self) -> str:
        """The database's name; asks libpq where only a service file tells. DatabaseError."""
        if not self._name:
            with self.session() as cursor:
                self._name = _used(cursor)["dbname"]
        return self._name

    @functools.cached_property
    def _behind_the_pooler(self) -> Mapping[str, str]:
        """The server's own HOST and PORT, where a pooler tells them and it lets the role in."""
        found = self.pooler.server_of(self._name) if self.pooler is not None else {}
        if found:
            wrapper = self._wrapper(None, found)
            try:
                wrapper.ensure_connection()
            except DatabaseError:
                return {}
            finally:
                wrapper.close()
        return found

    @contextlib.contextmanager
    def session(self, database: str | None = None) -> Iterator[CursorWrapper]:
        """A cursor on a new connection, in autocommit; may be used from another thread.

        On database ``database`` of the same server, and surely there. Raises DatabaseError.
        """
        wrapper = self._wrapper(database, self._behind_the_pooler)
        try:
            with contextlib.ExitStack() as stack:
                with saying_what_is_waited_for(self.alias):
                    _connect(wrapper)
                    cursor = stack.enter_context(wrapper.cursor())
                    self._prepare(cursor, database)
                yield cursor
        finally:
            wrapper.close()

    def _wrapper(self, database: str | None, server: Mapping[str, str]) -> BaseDatabaseWrapper:
        wrapper = connections[self.alias].copy()
        for key in _CONNECTION:
            wrapper.settings_dict[key] = {**self._settings, **server}[key]
        if database is not None:
            wrapper.settings_dict["NAME"] = database
        connect = dict(wrapper.settings_dict.get("OPTIONS") or {})
        connect.pop("pool", None)
        connect.setdefault("connect_timeout", max(2, round(self.options.connect_timeout)))
        connect["application_name"] = self.options.label
        wrapper.settings_dict["OPTIONS"] = connect
        # A site may want transactions everywhere; ours are begun by hand.
        wrapper.settings_dict["AUTOCOMMIT"] = True
        wrapper.inc_thread_sharing()
        return wrapper

    def _prepare(self, cursor: CursorWrapper, database: str | None) -> None:
        """Prove where it is, and put the limits away that are meant for web requests."""
        found, server = self._set_up(cursor)
        if database is None:
            return
        if found != database:
            raise WrongDatabase(
                _(
                    "the connection for database %(meant)r came to %(found)r",
                    meant=database,
                    found=found,
                )
            )
        # A role may be allowed to ask in one database only: like is compared with like.
        if self._servers.setdefault(server.isdigit(), server) != server:
            raise WrongDatabase(
                _("the connection for database %(meant)r came to another server", meant=database)
            )

    def _set_up(self, cursor: CursorWrapper) -> tuple[str, str]:
        """In one round trip: the database's name and the server's."""
        wanted = {**_SETTINGS, "lock_timeout": f"{self.options.wait}s"}
        pid = client_pid(cursor)
        parameters: list[Any] = [list(wanted), list(wanted.values()), pid, pid]
        try:
            cursor.execute(_SET_UP.format(server=_IDENTIFIER), parameters)
        except DatabaseError as problem:
            if sqlstate_of(problem) != INSUFFICIENT_PRIVILEGE:
                raise
            cursor.execute(_SET_UP.format(server=_STARTED), parameters)
        database, server, direct, known = cursor.fetchone()
        self.pooled = not direct
        if self.pooled:
            note_pooler(cursor)
            configure(cursor, **{name: wanted[name] for name in known})
        return str(database), str(server)

    def of_program(self, cursor: CursorWrapper) -> ProgramAddress:
        """Where the session of ``cursor`` is, for a program that is to go to the same place."""
        used = _used(cursor)
        used["application_name"] = self.options.label
        # Not where there is nothing to change: a pooler may refuse options.
        cursor.execute(
            f"SELECT name FROM pg_settings WHERE name IN ({_LEFT_BY_PG_DUMP})"  # noqa: S608
            " AND reset_val NOT IN ('0', 'off')"
        )
        for (name,) in [] if is_pooled(cursor) else cursor.fetchall():
            used["options"] = f"{used.get('options', '')} -c {name}={_SETTINGS[name]}".strip()
        variables = {_VARIABLES[key]: value for key, value in used.items() if key in _VARIABLES}
        words = {key: used[key] for key in ("dbname", *_ON_THE_COMMAND_LINE) if key in used}
        dbname = " ".join(f"{key}={_quoted(value)}" for key, value in words.items())
        arguments = ["--no-password", f"--dbname={dbname}"]
        if role := (self._settings.get("OPTIONS") or {}).get("assume_role"):
            arguments.append(f"--role={role}")
        return ProgramAddress(arguments, variables)


def _connect(wrapper: BaseDatabaseWrapper) -> None:
    """Unlike ``connect()``, with Django's own errors. Raises DatabaseError."""
    try:
        wrapper.ensure_connection()
    except ImproperlyConfigured as problem:
        raise OperationalError(str(problem)) from problem
    except DatabaseError as problem:
        raise connection_failure(problem, wrapper) from problem.__cause__


def server_identity(cursor: CursorWrapper) -> str:
    """What tells a server from every other."""
    try:
        cursor.execute(f"SELECT {_IDENTIFIER}")
    except DatabaseError as problem:
        if sqlstate_of(problem) != INSUFFICIENT_PRIVILEGE:
            raise
        cursor.execute(f"SELECT {_STARTED}")
    return str(cursor.fetchone()[0])


def _used(cursor: CursorWrapper) -> dict[str, str]:
    """libpq's parameters as a connection really used them, the password among them."""
    raw: Any = cursor.db.connection
    if pgconn := getattr(raw, "pgconn", None):
        used = {
            option.keyword.decode(): option.val.decode() for option in pgconn.info if option.val
        }
        # Of several hosts, the one that it came to.
        chosen = {name: getattr(pgconn, name).decode() for name in ("host", "hostaddr", "port")}
    else:  # psycopg 2
        used = dict(raw.info.dsn_parameters)
        used["password"] = raw.info.password or ""
        chosen = {"host": raw.info.host or "", "hostaddr": "", "port": str(raw.info.port or "")}
    return {key: value for key, value in {**used, **chosen}.items() if value}


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
