"""The server of an alias: sessions on its databases, which there are, dropping one."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from django.db import DatabaseError
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.session import open_session, quote_name, scalar
from trustbackup.databases.postgresql.tools import binary_connector
from trustbackup.databases.values import Options
from trustbackup.phrases import gettext as _

_MAINTENANCE = ("postgres", "template1")


class Server:
    """Connects as the alias does, with ``DBBACKUP_CONNECTORS[alias]`` honoured."""

    def __init__(self, alias: str, options: Options) -> None:
        self.alias = alias
        self.options = options
        self.settings: dict[str, Any] = dict(binary_connector(alias).settings)

    def session(self, database: str) -> contextlib.AbstractContextManager[CursorWrapper]:
        return open_session(self.alias, self.options, self.settings, database)

    @contextlib.contextmanager
    def maintenance(self) -> Iterator[CursorWrapper]:
        """A session on another database, because none can be renamed from inside.

        On the live one itself where no other lets the role in: enough to look around.
        """
        with contextlib.ExitStack() as stack:
            last = self.settings["NAME"]
            for name in (*_MAINTENANCE, last):
                try:
                    cursor = stack.enter_context(self.session(name))
                    break
                except DatabaseError:
                    if name == last:
                        raise
            yield cursor

    def version(self) -> int:
        """libpq's number of the server's version, 150018 for 15.18."""
        with self.maintenance() as cursor:
            return int(scalar(cursor, "SHOW server_version_num"))

    def databases(self) -> set[str]:
        with self.maintenance() as cursor:
            cursor.execute("SELECT datname FROM pg_database")
            return {name for (name,) in cursor.fetchall()}

    def drop(self, name: str) -> None:
        """Nothing happens when there is no such database.

        Not ``WITH (FORCE)``: that fails for an ordinary role while autovacuum is at work there.
        """
        if name not in self.databases():
            return
        with self.maintenance() as cursor:
            cursor.execute(f"ALTER DATABASE {quote_name(name)} ALLOW_CONNECTIONS false")
            end_sessions(cursor, name)
            cursor.execute(f"DROP DATABASE {quote_name(name)}")

    def end_run(self, label: str) -> None:
        """End every session that a dead run left at work, and wait until they are gone.

        Only then is it certain what it had done. Raises DatabaseError after 30 seconds.
        """
        deadline = time.monotonic() + 30
        with self.maintenance() as cursor:
            while time.monotonic() < deadline:
                cursor.execute(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE application_name = %s AND pid <> pg_backend_pid()",
                    [label],
                )
                if not cursor.fetchone()[0]:
                    return
                time.sleep(0.02)
        raise DatabaseError(_("what an interrupted restore left at work could not be ended"))


def end_sessions(cursor: CursorWrapper, *databases: str) -> None:
    """End every session on these databases, and wait until they are gone (at most 10 s).

    Autovacuum has no user, and nobody but a superuser may end it; renaming and dropping a
    database do that by themselves.
    """
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = ANY(%s) AND pid <> pg_backend_pid() AND usesysid IS NOT NULL",
            [list(databases)],
        )
        if not cursor.fetchone()[0]:
            return
        time.sleep(0.01)
    raise DatabaseError(_("sessions on the database could not be ended within 10 seconds"))
