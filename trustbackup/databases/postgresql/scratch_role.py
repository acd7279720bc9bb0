"""As whom a drill's own server is filled: a role of few rights, that owns the database.

What other roles have written into functions, checks and indexes runs while rows and indexes are
made: it may do no more there than at the site. Only what nobody but a superuser can make is made
by one: an extension, a function in C. Nothing of that calls a function of the backup's.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, connections
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.address import Address
from trustbackup.databases.postgresql.errors import INSUFFICIENT_PRIVILEGE, sqlstate_of, translate
from trustbackup.databases.postgresql.restore_items import Item, Player
from trustbackup.databases.postgresql.session import (
    Sessions,
    quote_name,
    quote_text,
    silence_event_triggers,
)
from trustbackup.databases.values import OF_SUPERUSER, Options
from trustbackup.exceptions import RestoreError

Helper = Callable[[Item, DatabaseError], bool]
"""Makes what the role may not make; whether it could."""

_KINDS = frozenset(
    (
        *("EXTENSION", "FUNCTION", "PROCEDURE", "AGGREGATE", "TYPE", "SHELL TYPE", "CAST"),
        *("OPERATOR", "OPERATOR CLASS", "OPERATOR FAMILY", "ACCESS METHOD", "TRANSFORM"),
        *("TEXT SEARCH PARSER", "TEXT SEARCH TEMPLATE", "PROCEDURAL LANGUAGE", "COMMENT"),
        *("FOREIGN DATA WRAPPER", "SERVER", "USER MAPPING", "FOREIGN TABLE", "CONVERSION"),
        *("PUBLICATION", "PUBLICATION TABLE", "PUBLICATION TABLES IN SCHEMA"),
    )
)
"""Event triggers are not among them: what they call would run as the superuser."""
_INVALID_FUNCTION = "42P13"
"""What an aggregate's internal state is to all but superusers."""
_LENT = """
    WITH member AS (
        SELECT classid, objid FROM pg_catalog.pg_depend
        WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass)
    SELECT format('GRANT USAGE, CREATE ON SCHEMA %%I TO {role}', n.nspname)
    FROM member JOIN pg_catalog.pg_namespace n
        ON classid = 'pg_namespace'::regclass AND n.oid = objid
    UNION ALL
    SELECT format('GRANT %%s ON %%s %%I.%%I TO {role}',
        CASE WHEN c.relkind = 'S' THEN 'SELECT, UPDATE'
            WHEN c.oid = ANY(SELECT unnest(extconfig) FROM pg_catalog.pg_extension)
            THEN 'SELECT, INSERT, UPDATE, DELETE' ELSE 'SELECT' END,
        CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, n.nspname, c.relname)
    FROM member JOIN pg_catalog.pg_class c
        ON classid = 'pg_class'::regclass AND c.oid = objid
        AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
"""
"""An extension's tables may have rows of the site's own, and views and types of it may be used."""
_GIVEN = """
    SELECT format('ALTER ROUTINE %%s OWNER TO {role}', p.oid::regprocedure)
    FROM pg_catalog.pg_proc p
    WHERE p.prosecdef AND p.oid >= 16384
      AND p.proowner = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
"""
"""Functions that would run with a superuser's rights, whoever calls them."""


def make_role(alias: str, options: Options, what: str) -> None:
    """Make the role that the alias's settings name, on a new server. Raises RestoreError."""
    settings = connections[alias].settings_dict
    role, password = quote_name(settings["USER"]), quote_text(settings["PASSWORD"])
    address = _address(alias, options, settings)
    with translate(RestoreError, what), address.session() as cursor:
        cursor.execute(f"CREATE ROLE {role} LOGIN CREATEDB PASSWORD {password}")
        cursor.execute(f"ALTER DATABASE {quote_name(settings['NAME'])} OWNER TO {role}")


@dataclass(frozen=True)
class Superuser:
    """Of a drill's own server: ``sessions`` opens one, ``role`` is whom it helps."""

    sessions: Sessions
    role: str


def superuser_of(alias: str, options: Options, database: str) -> Superuser | None:
    """The superuser of a drill's own server, on one database; None on every other server."""
    settings = connections[alias].settings_dict
    if OF_SUPERUSER not in settings:
        return None
    sessions = functools.partial(_address(alias, options, settings).session, database)
    return Superuser(sessions, str(settings["USER"]))


def _address(alias: str, options: Options, settings: Mapping[str, Any]) -> Address:
    return Address(alias, options, {**settings, **settings[OF_SUPERUSER]})


@contextlib.contextmanager
def helping(superuser: Superuser | None, preamble: bytes) -> Iterator[Helper | None]:
    """What makes items as the superuser, after ``preamble``. Raises DatabaseError."""
    if superuser is None:
        yield None
        return
    with superuser.sessions() as cursor:
        silence_event_triggers(cursor)
        player = Player(cursor, preamble)

        def make(item: Item, problem: DatabaseError) -> bool:
            state = sqlstate_of(problem)
            if item.kind not in _KINDS or state not in (INSUFFICIENT_PRIVILEGE, _INVALID_FUNCTION):
                return False
            try:
                player.play_one(item)
            except DatabaseError:
                return False
            if item.kind == "EXTENSION":
                _run_each(cursor, _LENT, superuser.role)
            return True

        yield make
        for query in (_LENT, _GIVEN):
            _run_each(cursor, query, superuser.role)


def _run_each(cursor: CursorWrapper, query: str, role: str) -> None:
    cursor.execute(query.replace("{role}", quote_name(role).replace("%", "%%")), [])
    for (statement,) in cursor.fetchall():
        cursor.execute(statement)
