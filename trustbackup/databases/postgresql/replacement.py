"""A PostgreSQL database beside the live one, filled by pg_restore and swapped in.

Renaming needs a database without sessions, and clients that reconnect are faster than any
number of terminations: so new connections are refused first, then sessions end, and two
renames in one transaction swap the databases.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from typing import Any

from django.db import connections
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.base import Replacement
from trustbackup.databases.postgresql.load import Loader
from trustbackup.databases.postgresql.own import carry_tables, empty_table, lagging_sequences
from trustbackup.databases.postgresql.server import Server, end_sessions
from trustbackup.databases.postgresql.session import (
    count_rows,
    list_tables,
    quote_name,
    quote_text,
    read_facts,
    scalar,
    translate,
)
from trustbackup.databases.values import Facts, LoadRequest, Options
from trustbackup.exceptions import RestoreError
from trustbackup.phrases import gettext as _

_LISTS = ("search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries")


class PostgresReplacement(Replacement):
    """Created with the live database's owner, encoding, locale, tablespace and settings."""

    def __init__(
        self, alias: str, options: Options, *, live: str, name: str, existing: bool
    ) -> None:
        self.alias = alias
        self.options = options
        self.live = live
        self.name = name
        self.what = _("Database %(alias)r was not restored", alias=alias)
        self.server = Server(alias, options)
        self._stays = existing

    def create(self) -> None:
        with translate(RestoreError, self.what), self.server.maintenance() as cursor:
            cursor.execute(self._create_statement(cursor))
            self._copy_settings(cursor)
            self._copy_grants(cursor)

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
                why=_("the server has no database %(live)r", live=self.live),
                todo=_("Create it, empty, then try again."),
            )
        new: dict[str, Any] = row if isinstance(row, dict) else json.loads(row)
        clauses = [
            f"OWNER {quote_name(new['owner'])}",
            "TEMPLATE template0",
            f"ENCODING {quote_text(new['encoding'])}",
            f"LC_COLLATE {quote_text(new['datcollate'])}",
            f"LC_CTYPE {quote_text(new['datctype'])}",
        ]
        # Naming the default one takes a right that few roles have.
        if new["tablespace"] != "pg_default":
            clauses.append(f"TABLESPACE {quote_name(new['tablespace'])}")
        provider = {"i": "ICU", "b": "BUILTIN"}.get(new.get("datlocprovider", ""))
        locale = new.get("datlocale") or new.get("daticulocale")
        if provider and locale:
            clauses.append(f"LOCALE_PROVIDER {provider} {provider}_LOCALE {quote_text(locale)}")
        return f"CREATE DATABASE {quote_name(self.name)} {' '.join(clauses)}"

    def _copy_settings(self, cursor: CursorWrapper) -> None:
        """Carry over ``ALTER DATABASE … SET``, which belongs to no dump of one database."""
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
            of = f"ROLE {quote_name(role)} IN DATABASE" if role else "DATABASE"
            # A list is stored as SQL already, quoted where it must be.
            shown = value if key in _LISTS else quote_text(value)
            cursor.execute(f"ALTER {of} {quote_name(self.name)} SET {quote_name(key)} TO {shown}")

    def _copy_grants(self, cursor: CursorWrapper) -> None:
        cursor.execute(
            """
            SELECT CASE grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(grantee) END,
                   privilege_type, is_grantable
            FROM pg_database d, aclexplode(d.datacl) WHERE d.datname = %s
            """,
            [self.live],
        )
        grants = cursor.fetchall()
        name = quote_name(self.name)
        if grants:
            cursor.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
        for grantee, privilege, grantable in grants:
            to = quote_name(grantee) if grantee else "PUBLIC"
            option = " WITH GRANT OPTION" if grantable else ""
            cursor.execute(f"GRANT {privilege} ON DATABASE {name} TO {to}{option}")

    def load(self, request: LoadRequest) -> None:
        address = {"PGDATABASE": self.name, "PGAPPNAME": self.options.label}
        loader = Loader(self.alias, self.what, self.server.version(), address)
        loader.load(request, functools.partial(self.server.session, self.name))

    def facts(self, *, content: bool = False) -> Facts:
        with translate(RestoreError, self.what), self.server.session(self.name) as cursor:
            cursor.execute("SET row_security = off")
            counted = count_rows(cursor, list_tables(cursor), content=content)
            return read_facts(cursor, tuple(counted.values()))

    def problems(self) -> list[str]:
        with translate(RestoreError, self.what), self.server.session(self.name) as cursor:
            return lagging_sequences(cursor)

    def carry_over(self, tables: Sequence[str], app: str) -> None:
        carry_tables(self.server, self.what, self.live, self.name, tables, app)

    def empty(self, table: str) -> None:
        with translate(RestoreError, self.what), self.server.session(self.name) as cursor:
            empty_table(cursor, table)

    def marker(self) -> str:
        """The names of the databases tell by themselves."""
        return ""

    def swap(self, kept_name: str) -> None:
        live, new, kept = (quote_name(name) for name in (self.live, self.name, kept_name))
        connections[self.alias].close()
        with translate(RestoreError, self.what), self.server.maintenance() as cursor:
            cursor.execute(f"ALTER DATABASE {live} ALLOW_CONNECTIONS false")
            swapped = False
            try:
                end_sessions(cursor, self.live, self.name)
                limit = scalar(
                    cursor, "SELECT datconnlimit FROM pg_database WHERE datname = %s", self.live
                )
                cursor.execute("BEGIN")
                # Not earlier: it would count the workers that fill the new one.
                cursor.execute(f"ALTER DATABASE {new} CONNECTION LIMIT {limit}")
                cursor.execute(f"ALTER DATABASE {live} RENAME TO {kept}")
                cursor.execute(f"ALTER DATABASE {new} RENAME TO {live}")
                cursor.execute("COMMIT")
                swapped = self._stays = True
            finally:
                if not swapped:
                    cursor.execute("ROLLBACK")
                old = kept if swapped else live
                cursor.execute(f"ALTER DATABASE {old} ALLOW_CONNECTIONS true")

    def stay(self) -> None:
        self._stays = True

    def drop(self) -> None:
        if not self._stays:
            with translate(RestoreError, self.what):
                self.server.drop(self.name)
