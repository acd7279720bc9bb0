"""A new PostgreSQL database beside the live one, restored by pg_restore and swapped in.

Renaming needs a database without sessions, and clients that reconnect are faster than any
number of terminations: so new connections are refused first, then sessions end, and two
renames in one transaction swap the databases.
"""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from django.db import DatabaseError, connections
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.base import Facts, Options, Replacement
from trustbackup.databases.postgresql.session import (
    count_rows,
    list_tables,
    open_session,
    read_facts,
    scalar,
    translate,
)
from trustbackup.databases.postgresql.tools import (
    binary_connector,
    environment,
    find_program,
    take_address,
)
from trustbackup.databases.process import Feeder, Program
from trustbackup.exceptions import ProgramError, RestoreError
from trustbackup.store.streams import Readable

_MAINTENANCE = ("postgres", "template1")
_LISTS = ("search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries")


class PostgresReplacement(Replacement):
    """Created with the live database's owner, encoding, locale and tablespace."""

    def __init__(self, alias: str, options: Options, *, live: str, name: str) -> None:
        self.alias = alias
        self.options = options
        self.live = live
        self.name = name
        self.what = f"Database {alias!r} was not restored"
        self.settings: dict[str, Any] = dict(binary_connector(alias).settings)
        self._swapped = False
        with translate(RestoreError, self.what), self._maintenance() as cursor:
            self._server_version = int(scalar(cursor, "SHOW server_version_num"))
            if not scalar(
                cursor, "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            ):
                raise RestoreError(
                    self.what,
                    why="its role may not create databases",
                    todo=f'Run ALTER ROLE "{self.settings["USER"]}" CREATEDB, then try again.',
                )
            cursor.execute(self._create_statement(cursor))
            self._copy_settings(cursor)

    @contextlib.contextmanager
    def _maintenance(self) -> Iterator[CursorWrapper]:
        """A session on another database: none can be renamed from inside."""
        with contextlib.ExitStack() as stack:
            for name in _MAINTENANCE:
                try:
                    cursor = stack.enter_context(
                        open_session(self.alias, self.options, self.settings, name)
                    )
                    break
                except DatabaseError:
                    if name == _MAINTENANCE[-1]:
                        raise
            yield cursor

    def _create_statement(self, cursor: CursorWrapper) -> str:
        row = scalar(
            cursor,
            """
            SELECT to_jsonb(d) || jsonb_build_object(
                'owner', pg_get_userbyid(datdba), 'encoding', pg_encoding_to_char(encoding),
                'tablespace', spcname)
            FROM pg_database d JOIN pg_tablespace t ON t.oid = dattablespace
            WHERE datname = %s
            """,
            self.live,
        )
        if row is None:
            raise RestoreError(
                self.what,
                why=f"the server has no database {self.live!r}",
                todo="Create it, empty, then try again.",
            )
        new = _as_dict(row)
        clauses = [
            f"OWNER {_name(new['owner'])}",
            "TEMPLATE template0",
            f"ENCODING {_text(new['encoding'])}",
            f"LC_COLLATE {_text(new['datcollate'])}",
            f"LC_CTYPE {_text(new['datctype'])}",
        ]
        # Naming the default one takes a right that few roles have.
        if new["tablespace"] != "pg_default":
            clauses.append(f"TABLESPACE {_name(new['tablespace'])}")
        provider = {"i": "icu", "b": "builtin"}.get(new.get("datlocprovider", ""))
        locale = new.get("datlocale") or new.get("daticulocale")
        if provider and locale:
            clauses.append(f"LOCALE_PROVIDER {provider}")
            clauses.append(f"{'ICU' if provider == 'icu' else 'BUILTIN'}_LOCALE {_text(locale)}")
        return f"CREATE DATABASE {_name(self.name)} {' '.join(clauses)}"

    def _copy_settings(self, cursor: CursorWrapper) -> None:
        """Carry over what belongs to the database but not to its dump: settings and grants."""
        cursor.execute(
            """
            SELECT r.rolname, split_part(item, '=', 1), substr(item, strpos(item, '=') + 1)
            FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
            LEFT JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) item
            WHERE d.datname = %s
            """,
            [self.live],
        )
        for role, key, value in cursor.fetchall():
            of = f"ROLE {_name(role)} IN DATABASE" if role else "DATABASE"
            # A list is stored as SQL already, quoted where it must be.
            shown = value if key in _LISTS else _text(value)
            cursor.execute(f"ALTER {of} {_name(self.name)} SET {_name(key)} TO {shown}")
        cursor.execute(
            """
            SELECT CASE grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(grantee) END,
                   privilege_type, is_grantable
            FROM pg_database d, aclexplode(d.datacl) WHERE d.datname = %s
            """,
            [self.live],
        )
        grants = cursor.fetchall()
        if grants:
            cursor.execute(f"REVOKE ALL ON DATABASE {_name(self.name)} FROM PUBLIC")
        for grantee, privilege, grantable in grants:
            to = _name(grantee) if grantee else "PUBLIC"
            option = " WITH GRANT OPTION" if grantable else ""
            cursor.execute(f"GRANT {privilege} ON DATABASE {_name(self.name)} TO {to}{option}")

    def load(self, source: Readable) -> None:
        connector = binary_connector(self.alias)
        address = take_address(connector)
        configured = connector.restore_cmd if connector.restore_cmd != "pg_restore" else ""
        connector.restore_cmd = shlex.quote(
            find_program("pg_restore", self._server_version, configured)
        )
        connector.drop = connector.if_exists = False
        feeder = Feeder(source)

        def run_command(
            command: str,
            stdin: BinaryIO | None = None,
            env: Mapping[str, str] | None = None,
        ) -> tuple[None, None]:
            with Program(
                [*shlex.split(command), "--no-owner", "--exit-on-error", "--no-password"],
                environment(connector, env or {}, address, {"PGDATABASE": self.name}),
                stdin=stdin,
                secrets=[address.get("PGPASSWORD", "")],
            ) as program:
                program.check()
            return None, None

        connector.run_command = run_command
        failure: ProgramError | None = None
        try:
            connector.restore_dump(feeder.read_end)
        except ProgramError as error:
            failure = error
        feeder.finish()
        if failure is not None:
            raise RestoreError(
                self.what, why=str(failure), todo="The live database was not touched."
            ) from failure

    def facts(self) -> Facts:
        with (
            translate(RestoreError, self.what),
            open_session(self.alias, self.options, self.settings, self.name) as cursor,
        ):
            counted = count_rows(cursor, list_tables(cursor))
            return read_facts(cursor, tuple(counted.values()))

    def swap(self, kept_name: str) -> None:
        live, new, kept = _name(self.live), _name(self.name), _name(kept_name)
        connections[self.alias].close()
        with translate(RestoreError, self.what), self._maintenance() as cursor:
            cursor.execute(f"ALTER DATABASE {live} ALLOW_CONNECTIONS false")
            try:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname IN (%s, %s) AND pid <> pg_backend_pid()",
                    [self.live, self.name],
                )
                cursor.execute("BEGIN")
                cursor.execute(f"ALTER DATABASE {live} RENAME TO {kept}")
                cursor.execute(f"ALTER DATABASE {new} RENAME TO {live}")
                cursor.execute("COMMIT")
                self._swapped = True
            finally:
                if not self._swapped:
                    cursor.execute("ROLLBACK")
                old = kept if self._swapped else live
                cursor.execute(f"ALTER DATABASE {old} ALLOW_CONNECTIONS true")

    def drop(self) -> None:
        if self._swapped:
            return
        with contextlib.suppress(DatabaseError), self._maintenance() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {_name(self.name)} WITH (FORCE)")


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _as_dict(row: Any) -> dict[str, Any]:  # noqa: ANN401 - psycopg 2 gives a dict, 3 a text
    return row if isinstance(row, dict) else dict(json.loads(row))
