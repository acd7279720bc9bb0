"""What can be learned through a session on a MySQL or MariaDB database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.values import Facts, TableRows
from trustbackup.store.inventory import Inventory, by_kind

MIGRATIONS = "django_migrations"
"""The table of what was migrated, as Django has always called it."""
_VERSIONED = "SYSTEM VERSIONED"
_HOLLOW = ("MRG_MYISAM", "CONNECT", "OQGRAPH", "SPIDER", "VP", "FEDERATED", "BLACKHOLE")
"""Engines that have their rows elsewhere, or none: dumpers write no row of theirs."""
_TABLES = """
    SELECT t.table_name, t.table_type, coalesce(t.engine, ''), coalesce(t.data_length, 0),
        coalesce(e.transactions, '') = 'YES'
    FROM information_schema.tables t
    LEFT JOIN information_schema.engines e ON e.engine = t.engine
    WHERE t.table_schema = DATABASE() AND t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
    ORDER BY t.table_name
"""
_OBJECTS = (
    """SELECT lower(table_type), table_name FROM information_schema.tables
       WHERE table_schema = DATABASE() AND table_type IN ('VIEW', 'SEQUENCE')""",
    """SELECT 'system-versioned table', table_name FROM information_schema.tables
       WHERE table_schema = DATABASE() AND table_type = 'SYSTEM VERSIONED'""",
    """SELECT 'trigger', concat(event_object_table, '.', trigger_name)
       FROM information_schema.triggers WHERE trigger_schema = DATABASE()""",
    """SELECT 'event', event_name FROM information_schema.events
       WHERE event_schema = DATABASE()""",
    """SELECT lower(routine_type), routine_name FROM information_schema.routines
       WHERE routine_schema = DATABASE()""",
    """SELECT DISTINCT 'index', concat(table_name, '.', index_name)
       FROM information_schema.statistics WHERE table_schema = DATABASE()""",
    """SELECT lower(constraint_type), concat(table_name, '.', constraint_name)
       FROM information_schema.table_constraints
       WHERE table_schema = DATABASE() AND constraint_type IN ('FOREIGN KEY', 'CHECK')""",
)

_OWNERS = """
    SELECT definer, concat('view: ', table_name) FROM information_schema.views
    WHERE table_schema = DATABASE()
    UNION ALL
    SELECT definer, concat(lower(routine_type), ': ', routine_name)
    FROM information_schema.routines WHERE routine_schema = DATABASE()
    UNION ALL
    SELECT definer, concat('trigger: ', event_object_table, '.', trigger_name)
    FROM information_schema.triggers WHERE trigger_schema = DATABASE()
    UNION ALL
    SELECT definer, concat('event: ', event_name) FROM information_schema.events
    WHERE event_schema = DATABASE()
"""
"""As whom they act; tables belong to nobody."""


class Table(NamedTuple):
    """A table that can hold rows; ``bytes`` is what the server guesses that they take."""

    name: str
    versioned: bool
    engine: str
    bytes: int
    transactional: bool

    @property
    def hollow(self) -> bool:
        """Whether its rows lie elsewhere, so that no dump has them."""
        return self.engine.upper() in _HOLLOW


def scalar(cursor: CursorWrapper, sql: str) -> Any:  # noqa: ANN401
    """The first column of the first row; None when there is none."""
    cursor.execute(sql)
    row = cursor.fetchone()
    return row[0] if row else None


def list_tables(cursor: CursorWrapper) -> list[Table]:
    """Every table of the session's database that can hold rows, by its name."""
    cursor.execute(_TABLES)
    return [
        Table(text(name), text(kind) == _VERSIONED, text(engine), int(size), bool(transactional))
        for name, kind, engine, size, transactional in cursor.fetchall()
    ]


def count_rows(cursor: CursorWrapper, table: Table, *, history: bool = True) -> int:
    """All that a dump has of it; with ``history`` the rows that are no more, if it keeps them."""
    if table.hollow:
        return 0
    all_times = " FOR SYSTEM_TIME ALL" if history and table.versioned else ""
    return int(scalar(cursor, f"SELECT count(*) FROM {quote_name(table.name)}{all_times}"))  # noqa: S608


def has_row(cursor: CursorWrapper, table: Table) -> bool:
    return scalar(cursor, f"SELECT 1 FROM {quote_name(table.name)} LIMIT 1") is not None  # noqa: S608


def read_inventory(cursor: CursorWrapper) -> Inventory:
    """Everything in the session's database besides its rows that the user may see."""
    found: list[tuple[str, str]] = []
    for query in _OBJECTS:
        cursor.execute(query)
        found += [(text(kind), text(name)) for kind, name in cursor.fetchall()]
    cursor.execute(_OWNERS)
    owners = [(text(account), text(label)) for account, label in cursor.fetchall()]
    return Inventory(objects=by_kind(found), owners=by_kind(owners))


def read_facts(
    cursor: CursorWrapper, tables: Sequence[TableRows], inventory: Inventory | None = None
) -> Facts:
    """The facts of the session's database; ``tables`` were counted before."""
    migrations: Iterable[Sequence[Any]] = ()
    if any(table.name == MIGRATIONS for table in tables):
        cursor.execute(f"SELECT app, name FROM {quote_name(MIGRATIONS)} ORDER BY id")  # noqa: S608
        migrations = cursor.fetchall()
    return Facts(
        database=text(scalar(cursor, "SELECT DATABASE()")),
        encoding=text(scalar(cursor, "SELECT @@character_set_database")),
        server_version=text(scalar(cursor, "SELECT VERSION()")),
        tables=tuple(tables),
        migrations=tuple((text(app), text(name)) for app, name in migrations),
        inventory=inventory,
    )


def text(value: object) -> str:
    """A name as text: some columns of the server's own come as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)


def quote_name(name: str) -> str:
    """A name as SQL, whatever ``sql_mode`` says."""
    return "`" + name.replace("`", "``") + "`"


def quote_text(value: str) -> str:
    """A text as SQL, in our own sessions, which have no ``NO_BACKSLASH_ESCAPES``."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
