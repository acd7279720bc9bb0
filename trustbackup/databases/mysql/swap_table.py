"""The table that each schema of a restore has until it is live: a sign, and what is to be made.

Views, routines, triggers and events do not come along when tables are renamed, and triggers may
not be there at all. So their statements stand in this table, which the same ``RENAME TABLE`` moves
with the others: where it is tells whether the swap was done, and what is still to be made.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.mysql.beside import rows
from trustbackup.databases.mysql.definitions import KINDS, Definition, parse
from trustbackup.databases.mysql.names import quote
from trustbackup.databases.mysql.settings import Surroundings

TABLE = "_trustbackup_swap"
_SIGN, _PREVIOUS, _TABLE = "sign", "kept", "table"
_COLUMNS = "sort, name, character_set_client, collation_connection, sql_mode, time_zone, statement"
_CREATE = """
    CREATE TABLE IF NOT EXISTS {table} (
        number bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
        sort varchar(16) NOT NULL, name varchar(255) NOT NULL,
        character_set_client varchar(64) NOT NULL, collation_connection varchar(64) NOT NULL,
        sql_mode varchar(2000) NULL, time_zone varchar(64) NOT NULL, statement longblob NOT NULL
    ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
"""


class SwapTable:
    """That of one schema."""

    def __init__(self, cursor: CursorWrapper, schema: str) -> None:
        self._cursor = cursor
        self._schema = schema
        self._name = f"{quote(schema)}.{quote(TABLE)}"

    def exists(self) -> bool:
        found = rows(
            self._cursor,
            "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
            [self._schema, TABLE],
        )
        return bool(found)

    def create(self) -> None:
        self._cursor.execute(_CREATE.format(table=self._name))

    def drop(self) -> None:
        self._cursor.execute(f"DROP TABLE IF EXISTS {self._name}")

    def sign(self) -> str:
        """By what a restore knows that this is the database that it swapped in."""
        return self._one(_SIGN)

    def previous_marker(self) -> str:
        """By what a restore knows the old database that it kept."""
        return self._one(_PREVIOUS)

    def leave_sign(self, sign: str) -> None:
        self._replace(_SIGN, [sign])

    def leave_previous(self, marker: str, tables: Iterable[str]) -> None:
        self._replace(_PREVIOUS, [marker])
        self._replace(_TABLE, tables)

    def tables(self) -> list[str]:
        """The tables that were kept with it."""
        return self._names(_TABLE)

    def definitions(self) -> list[Definition]:
        """What is to be made, in its order."""
        found = rows(
            self._cursor,
            f"SELECT {_COLUMNS} FROM {self._name} ORDER BY number",  # noqa: S608
        )
        parsed = [
            parse(bytes(statement), Surroundings(client, collation, mode, zone))
            for kind, _name, client, collation, mode, zone, statement in found
            if kind in KINDS
        ]
        return [one for one in parsed if one is not None]

    def keep_definitions(self, definitions: Iterable[Definition]) -> None:
        """Instead of those that it has."""
        kinds = ", ".join(f"'{kind}'" for kind in KINDS)
        self._cursor.execute(f"DELETE FROM {self._name} WHERE sort IN ({kinds})")  # noqa: S608
        for one in definitions:
            around = one.surroundings
            self._cursor.execute(
                f"INSERT INTO {self._name} ({_COLUMNS})"  # noqa: S608
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [
                    one.kind,
                    one.name,
                    around.character_set_client,
                    around.collation_connection,
                    around.sql_mode,
                    around.time_zone,
                    one.statement,
                ],
            )

    def _one(self, sort: str) -> str:
        found = self._names(sort)
        return found[0] if found else ""

    def _names(self, sort: str) -> list[str]:
        found = rows(
            self._cursor,
            f"SELECT name FROM {self._name} WHERE sort = %s ORDER BY number",  # noqa: S608
            [sort],
        )
        return [str(name) for (name,) in found]

    def _replace(self, sort: str, names: Iterable[str]) -> None:
        self._cursor.execute(f"DELETE FROM {self._name} WHERE sort = %s", [sort])  # noqa: S608
        for name in names:
            self._cursor.execute(
                f"INSERT INTO {self._name} ({_COLUMNS})"  # noqa: S608
                " VALUES (%s, %s, '', '', NULL, '', '')",
                [sort, name],
            )
