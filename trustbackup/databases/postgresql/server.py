"""The server of an alias: sessions on its databases, which there are, dropping one."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from django.db import DatabaseError
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.address import Address
from trustbackup.databases.postgresql.session import quote_name, scalar
from trustbackup.databases.values import Options
from trustbackup.phrases import gettext as _

_MAINTENANCE = ("postgres", "template1")
_ON_IT = """
    SELECT a.pid, a.usename, a.application_name, r.rolsuper, me.rolsuper OR NOT r.rolsuper AND (
        pg_has_role(a.usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE')) AS may_end
    FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
    JOIN pg_roles me ON me.rolname = current_user
    WHERE a.datname = ANY(%s) AND a.pid <> pg_backend_pid()
"""
"""Sessions with a user; https://www.postgresql.org/docs/current/functions-admin.html says who may
end which."""


class Server:
    """Connects as the site does: what is restored is the site's, not a backup role's."""

    def __init__(self, alias: str, options: Options) -> None:
        self.alias = alias
        self.options = options
        self.where = Address(alias, options)
        self.pooler = self.where.pooler

    def session(self, database: str) -> contextlib.AbstractContextManager[CursorWrapper]:
        return self.where.session(database)

    @contextlib.contextmanager
    def maintenance(self) -> Iterator[CursorWrapper]:
        """A session on another database, because none can be renamed from inside.

        On the live one itself where no other lets the role in: enough to look around.
        """
        with contextlib.ExitStack() as stack:
            last = self.where.name
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

    def identity(self, name: str) -> str:
        """The number of the database that has this name, which no other ever has; "" for none."""
        with self.maintenance() as cursor:
            oid = scalar(cursor, "SELECT oid::text FROM pg_database WHERE datname = %s", name)
        return oid or ""

    def drop(self, name: str) -> None:
        """Nothing happens when there is no such database.

        Not ``WITH (FORCE)``: that fails for an ordinary role while autovacuum is at work there.
        """
        with self.maintenance() as cursor:
            # A template can not be dropped, and what a restore has replaced may be one.
            known = "SELECT datistemplate FROM pg_database WHERE datname = %s"
            if (is_template := scalar(cursor, known, name)) is None:
                return
            self.wait_for_others(cursor, name)
            if is_template:
                cursor.execute(f"ALTER DATABASE {quote_name(name)} IS_TEMPLATE false")
            with self.without_sessions(name):
                cursor.execute(f"DROP DATABASE {quote_name(name)}")

    def sessions_of_others(
        self, cursor: CursorWrapper, *databases: str
    ) -> list[tuple[str, str, bool]]:
        """The sessions on these databases that the role may not end.

        Role and application of each, and whether it is a superuser's.
        """
        cursor.execute(
            f"SELECT DISTINCT usename, application_name, rolsuper FROM ({_ON_IT}) session"  # noqa: S608
            " WHERE NOT may_end ORDER BY 1, 2",
            [list(databases)],
        )
        return [(role, name, superuser) for role, name, superuser in cursor.fetchall()]

    def wait_for_others(self, cursor: CursorWrapper, *databases: str) -> None:
        """Wait until nobody is on these databases whom the role may not send away.

        Before they are locked: who connects has to wait then. Raises DatabaseError when somebody
        stays.
        """
        deadline = time.monotonic() + self.options.wait
        while others := self.sessions_of_others(cursor, *databases):
            if time.monotonic() > deadline:
                raise DatabaseError(may_not_end(*others[0]))
            time.sleep(0.1)

    @contextlib.contextmanager
    def without_sessions(self, *databases: str) -> Iterator[None]:
        """End the sessions on these databases, again and again, while a statement waits for that.

        RENAME and DROP lock their database, so that who connects waits, and then give the
        sessions that are left 5 seconds. Nothing has to be forbidden before, so a death at any
        instant leaves nothing shut. Raises DatabaseError when sessions could not be ended.
        """
        done = threading.Event()
        problems: list[DatabaseError] = []

        def end_them(cursor: CursorWrapper) -> None:
            try:
                while not done.wait(0.01):
                    end_sessions(cursor, *databases)
            except DatabaseError as error:
                problems.append(error)

        with self.maintenance() as cursor:
            end_sessions(cursor, *databases)
            thread = threading.Thread(target=end_them, args=[cursor], daemon=True)
            thread.start()
            try:
                yield
            except DatabaseError as error:
                if problems:
                    raise problems[0] from error
                raise
            finally:
                done.set()
                thread.join()

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


def may_not_end(role: str, application: str, superuser: bool) -> str:
    """The clause on a session that the site's role may not end."""
    if superuser:
        return _(
            "a session of superuser %(role)r (%(name)s) is on it, which its role may not end",
            role=role,
            name=application or "?",
        )
    return _(
        "a session of role %(role)r (%(name)s) is on it, which its role may not end",
        role=role,
        name=application or "?",
    )


def end_sessions(cursor: CursorWrapper, *databases: str) -> None:
    """End every session on these databases that the role may end. Raises DatabaseError.

    Autovacuum has no user, and nobody but a superuser may end it; renaming and dropping a
    database do that by themselves.
    """
    cursor.execute(
        f"SELECT count(pg_terminate_backend(pid)) FROM ({_ON_IT}) session WHERE may_end",  # noqa: S608
        [list(databases)],
    )
