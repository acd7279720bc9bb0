"""A schema beside the live one, filled from a dump and exchanged with it by one rename."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
from collections.abc import Iterator, Sequence

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.base import Replacement
from trustbackup.databases.mysql.address import Address
from trustbackup.databases.mysql.app_tables import carry_tables, empty_table, orphans
from trustbackup.databases.mysql.beside import session
from trustbackup.databases.mysql.definitions import FIRE, Definition
from trustbackup.databases.mysql.errors import translate
from trustbackup.databases.mysql.fingerprints import fingerprint, float_tables
from trustbackup.databases.mysql.load import Loader
from trustbackup.databases.mysql.names import quote
from trustbackup.databases.mysql.objects import Maker, list_tables, read_definitions
from trustbackup.databases.mysql.session import count_rows, read_facts, read_inventory
from trustbackup.databases.mysql.session import list_tables as session_tables
from trustbackup.databases.mysql.swap import (
    Swap,
    create_schema,
    drop_if_empty,
    exists,
)
from trustbackup.databases.mysql.swap_table import TABLE, SwapTable
from trustbackup.databases.values import Excused, Facts, LoadRequest, TableRows
from trustbackup.exceptions import RestoreError
from trustbackup.phrases import gettext as _
from trustbackup.store.inventory import by_kind


class MySQLReplacement(Replacement):
    """See Replacement."""

    def __init__(
        self,
        address: Address,
        *,
        live: str,
        name: str,
        existing: bool,
    ) -> None:
        self.address = address
        self.live = live
        self.name = name
        self.what = _("Database %(alias)r was not restored", alias=address.alias)
        self.notes = []
        self._made = False
        self._stays = existing
        self._previous_marker = ""
        self._excused = Excused()

    @contextlib.contextmanager
    def _session(self, schema: str | None = None) -> Iterator[CursorWrapper]:
        where = self.name if schema is None else schema
        with translate(RestoreError, self.what), session(self.address, where) as cursor:
            yield cursor

    def create(self) -> None:
        with self._session("") as cursor:
            create_schema(cursor, self.name, like=self.live)
            self._made = True
            SwapTable(cursor, self.name).create()

    def load(self, request: LoadRequest) -> None:
        loaded = Loader(self.what, self._connection, request).load()
        self.notes += [
            _(
                "The backup has no history of table %(table)s: only the rows of its time",
                table=name,
            )
            for name in sorted(loaded.without_history)
        ]
        with self._session() as cursor:
            self._make(cursor, loaded.definitions, of=loaded.database)
            self.notes += orphans(cursor, self.name)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[BaseDatabaseWrapper]:
        with self._session() as cursor:
            yield cursor.db

    def _make(self, cursor: CursorWrapper, definitions: list[Definition], *, of: str) -> None:
        """What acts by itself is only kept: an event of a copy would run on the live tables.

        Of another database's backup, what names that database would go on using it.
        """
        strange = [one for one in definitions if of not in ("", self.live) and one.names_schema(of)]
        wanted = [one for one in definitions if one not in strange]
        SwapTable(cursor, self.name).keep_definitions(one for one in wanted if one.kind in FIRE)
        maker = Maker(cursor, self.name)
        for one in strange:
            maker.leave_out(one, _("its text names the database %(name)s", name=of))
        maker.make_all(one for one in wanted if one.kind not in FIRE)
        self.notes += maker.notes
        self._excused = Excused(
            objects=frozenset(maker.left_out), owners=frozenset(maker.not_given)
        )

    def facts(self, *, content: bool = False) -> Facts:
        with self._session() as cursor:
            floats = float_tables(cursor) if content else set()
            tables = [
                TableRows(
                    schema="",
                    name=table.name,
                    rows=count_rows(cursor, table),
                    fingerprint=fingerprint(cursor, table, floats) if content else "",
                )
                for table in session_tables(cursor)
                if table.name != TABLE
            ]
            inventory = read_inventory(cursor)
            # What acts by itself is made when it is live.
            coming = by_kind(one.listed for one in SwapTable(cursor, self.name).definitions())
            facts = read_facts(
                cursor,
                tables,
                dataclasses.replace(inventory, objects={**inventory.objects, **coming}),
            )
        return dataclasses.replace(facts, excused=self._excused)

    def problems(self) -> list[str]:
        """None: a foreign key that points nowhere did so when it was dumped; ``load`` notes it."""
        return []

    def carry_over(self, tables: Sequence[str], app: str) -> None:
        with self._session() as cursor:
            carry_tables(cursor, self.live, self.name, tables, app)

    def empty(self, table: str) -> None:
        with self._session() as cursor:
            empty_table(cursor, self.name, table)

    def marker(self) -> str:
        sign = secrets.token_hex(16)
        with self._session() as cursor:
            table = SwapTable(cursor, self.name)
            table.create()
            table.leave_sign(sign)
        return sign

    def previous_marker(self) -> str:
        self._previous_marker = secrets.token_hex(16)
        return self._previous_marker

    def swap(self, previous_name: str) -> None:
        connections[self.address.alias].close()  # a transaction of this thread would be in the way
        with self._session() as cursor:
            swap = Swap(
                cursor, self.live, self.name, previous_name, self.address.options.wait, self.what
            )
            swap.run(self._previous_marker)
        self._stays = True
        self.notes += [note for note in swap.notes if note not in self.notes]

    def stay(self, name: str) -> None:
        with self._session() as cursor:
            table = SwapTable(cursor, self.name)
            held = read_definitions(cursor, self.name, self.what)
            acting = table.definitions()
            create_schema(cursor, name, like=self.name)
            Maker(cursor, self.name).drop_all(one.label for one in held)
            table.drop()
            if tables := list_tables(cursor, self.name):
                cursor.execute(
                    "RENAME TABLE "
                    + ", ".join(
                        f"{quote(self.name)}.{quote(one)} TO {quote(name)}.{quote(one)}"
                        for one in tables
                    )
                )
            self._stays = True
            maker = Maker(cursor, name)
            strange = [one for one in held if one.names_schema(self.live)]
            for one in strange:
                maker.leave_out(one, _("its text names the database %(name)s", name=self.live))
            maker.make_all(one for one in held if one not in strange)
            self.notes += maker.notes
            drop_if_empty(cursor, self.name)
        if acting:
            self.notes.append(
                _(
                    "Triggers and events are not in %(name)s, where they would act on the live"
                    " database's tables: %(names)s.",
                    name=name,
                    names=", ".join(one.name for one in acting),
                )
            )

    def drop(self) -> None:
        if self._made and not self._stays:
            with self._session("") as cursor:
                if exists(cursor, self.name):
                    cursor.execute(f"DROP DATABASE {quote(self.name)}")
