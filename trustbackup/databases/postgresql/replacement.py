"""A PostgreSQL database beside the live one, filled by pg_restore and swapped in.

Two renames in one transaction swap the databases. Renaming needs a database without sessions:
it locks the database, so that who connects waits, and we end those that are left meanwhile.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from django.db import connections
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.base import Replacement
from trustbackup.databases.postgresql import subscriptions
from trustbackup.databases.postgresql.app_tables import carry_tables, empty_table, lagging_sequences
from trustbackup.databases.postgresql.configured import options_of_reader
from trustbackup.databases.postgresql.errors import explain, translate
from trustbackup.databases.postgresql.inventory import read_catalogs
from trustbackup.databases.postgresql.pg_restore import Loader
from trustbackup.databases.postgresql.pooled import begin, configure
from trustbackup.databases.postgresql.properties import copy_properties
from trustbackup.databases.postgresql.row_security import owner_sees_all
from trustbackup.databases.postgresql.scratch_role import superuser_of
from trustbackup.databases.postgresql.server import Server
from trustbackup.databases.postgresql.session import (
    count_rows,
    list_tables,
    quote_name,
    quote_text,
    read_facts,
    scalar,
)
from trustbackup.databases.postgresql.tablespaces import not_usable
from trustbackup.databases.postgresql.tools import binary_connector, find_reader
from trustbackup.databases.values import Excused, Facts, LoadRequest, Options
from trustbackup.exceptions import RestoreError
from trustbackup.phrases import gettext as _


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
        self._made = False
        self._stays = existing
        self.notes = []
        self._left_out: frozenset[tuple[str, str]] = frozenset()
        self._excused = Excused()
        self._listing = ""

    def create(self) -> None:
        with translate(RestoreError, self.what), self.server.maintenance() as cursor:
            cursor.execute(self._create_statement(cursor))
            self._made = True
            self.notes += copy_properties(cursor, self.live, self.name, loading=True)

    def _create_statement(self, cursor: CursorWrapper) -> str:
        row = scalar(
            cursor,
            """
            SELECT to_jsonb(d) || jsonb_build_object(
                'owner', pg_get_userbyid(datdba), 'encoding', pg_encoding_to_char(encoding),
                'tablespace', spcname, 'usable', has_tablespace_privilege(t.oid, 'CREATE'))
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
        if not new["usable"] and new["tablespace"] != "pg_default":
            self.notes.append(not_usable(new["tablespace"]))
        elif new["tablespace"] != "pg_default":
            clauses.append(f"TABLESPACE {quote_name(new['tablespace'])}")
        provider = {"i": "ICU", "b": "BUILTIN"}.get(new.get("datlocprovider", ""))
        locale = new.get("datlocale") or new.get("daticulocale")
        if provider and locale:
            clauses.append(f"LOCALE_PROVIDER {provider} {provider}_LOCALE {quote_text(locale)}")
        if rules := new.get("daticurules"):
            clauses.append(f"ICU_RULES {quote_text(rules)}")
        return f"CREATE DATABASE {quote_name(self.name)} {' '.join(clauses)}"

    def load(self, request: LoadRequest) -> None:
        program = find_reader(self.alias)
        sessions = functools.partial(self.server.session, self.name)
        options = options_of_reader(binary_connector(self.alias).restore_cmd)
        superuser = superuser_of(self.alias, self.options, self.name)
        loader = Loader(self.what, program, sessions, request, options, superuser)
        loader.load()
        self.notes += loader.notes
        self._left_out = loader.left_out
        self._excused = loader.excused
        self._listing = loader.listing

    def facts(self, *, content: bool = False) -> Facts:
        with translate(RestoreError, self.what), self.server.session(self.name) as cursor:
            begin(cursor, "ISOLATION LEVEL REPEATABLE READ")
            configure(cursor, row_security="off")
            with owner_sees_all(cursor):
                counted = count_rows(cursor, list_tables(cursor), content=content)
            facts = read_facts(cursor, tuple(counted.values()))
            inventory = read_catalogs(cursor).everything()
            cursor.execute("COMMIT")
        return dataclasses.replace(
            facts, left_out=self._left_out, inventory=inventory, excused=self._excused
        )

    def problems(self) -> list[str]:
        with translate(RestoreError, self.what), self.server.session(self.name) as cursor:
            lagging = lagging_sequences(cursor)
        # What the archive itself sets was so at the backup: ids that were made elsewhere.
        as_it_was = {
            one for one in lagging if f" SEQUENCE SET {one.schema} {one.name} " in self._listing
        }
        self.notes += [one.sentence for one in lagging if one in as_it_was]
        return [one.sentence for one in lagging if one not in as_it_was]

    def carry_over(self, tables: Sequence[str], app: str) -> None:
        # It takes three connections, and some roles may not have more.
        connections[self.alias].close()
        self.notes += carry_tables(self.server, self.what, self.live, self.name, tables, app)

    def empty(self, table: str) -> None:
        with translate(RestoreError, self.what), self.server.session(self.name) as cursor:
            empty_table(cursor, table)

    def marker(self) -> str:
        """Its number goes with it whatever its name is."""
        with translate(RestoreError, self.what):
            return self.server.identity(self.name)

    def previous_marker(self) -> str:
        with translate(RestoreError, self.what):
            return self.server.identity(self.live)

    def swap(self, previous_name: str) -> None:
        live, new, previous = (quote_name(name) for name in (self.live, self.name, previous_name))
        connections[self.alias].close()
        with translate(RestoreError, self.what), self.server.maintenance() as cursor:
            limit = scalar(
                cursor, "SELECT datconnlimit FROM pg_database WHERE datname = %s", self.live
            )
            resting = self._let_rest(cursor)
            self.server.wait_for_others(cursor, self.live, self.name)
            with self._clients_waiting(), self.server.without_sessions(self.live, self.name):
                begin(cursor)
                # Until the end who connects waits, and nothing of it is there if we die.
                cursor.execute(f"ALTER DATABASE {live} RENAME TO {previous}")
                late = copy_properties(cursor, previous_name, self.name)
                # Not earlier: it would count the workers that fill the new one.
                cursor.execute(f"ALTER DATABASE {new} CONNECTION LIMIT {limit}")
                cursor.execute(f"ALTER DATABASE {new} RENAME TO {live}")
                cursor.execute("COMMIT")
            self._stays = True
            self.notes += [note for note in late if note not in self.notes]
            self._note_followers(cursor, previous_name, resting)

    def _clients_waiting(self) -> AbstractContextManager[None]:
        """A pooler that is known lets its clients wait meanwhile; else one may be refused."""
        if self.server.pooler is None:
            return contextlib.nullcontext()
        return self.server.pooler.paused(
            self.live,
            lambda problem: self.notes.append(
                _("PgBouncer did not let its clients wait: %(why)s.", why=explain(problem)[0])
            ),
        )

    def _let_rest(self, cursor: CursorWrapper) -> list[str]:
        """Of two databases only one may follow a publisher: the old one's subscriptions rest."""
        if not subscriptions.subscriptions_of(cursor, self.live):
            return []
        return subscriptions.let_rest(self.server, self.live)

    def _note_followers(self, cursor: CursorWrapper, previous: str, resting: list[str]) -> None:
        if resting:
            self.notes.append(
                _(
                    "Subscriptions of the old database %(previous)s rest (%(names)s); an undo"
                    " switches them on again.",
                    previous=previous,
                    names=", ".join(resting),
                )
            )
        if awake := subscriptions.wake(self.server, self.live):
            self.notes.append(_("Subscriptions are on again: %(names)s.", names=", ".join(awake)))
        if slots := subscriptions.logical_slots(cursor, previous):
            self.notes.append(
                _(
                    "The logical slots %(slots)s stay with %(previous)s: drop them there, make them"
                    " anew in the restored database, and let who follows copy everything again.",
                    slots=slots,
                    previous=previous,
                )
            )

    def stay(self, name: str) -> None:
        rename = f"ALTER DATABASE {quote_name(self.name)} RENAME TO {quote_name(name)}"
        with (
            translate(RestoreError, self.what),
            self.server.maintenance() as cursor,
            self.server.without_sessions(self.name),
        ):
            cursor.execute(rename)
        self._stays = True

    def drop(self) -> None:
        if self._made and not self._stays:
            with translate(RestoreError, self.what):
                subscriptions.drop_database(self.server, self.name)
