"""What a restore does to single tables: keep the app's own as they are now, end sessions,
look whether sequences are ahead of their rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.load import Loader
from trustbackup.databases.postgresql.server import Server
from trustbackup.databases.postgresql.session import quote_name, scalar, translate
from trustbackup.databases.postgresql.tools import (
    binary_connector,
    environment,
    find_program,
    take_address,
)
from trustbackup.databases.process import Feeder, Program
from trustbackup.exceptions import ProgramError, RestoreError
from trustbackup.phrases import gettext as _

MIGRATIONS = "django_migrations"


def full_name(cursor: CursorWrapper, table: str) -> str | None:
    """A table's quoted name with its schema, if the search path finds it."""
    name: str | None = scalar(
        cursor,
        "SELECT format('%%I.%%I', n.nspname, c.relname) FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass(%s)",
        quote_name(table),
    )
    return name


def empty_table(cursor: CursorWrapper, table: str) -> None:
    if name := full_name(cursor, table):
        cursor.execute(f"DELETE FROM {name}")  # noqa: S608


def carry_tables(
    server: Server, what: str, live: str, new: str, tables: Sequence[str], app: str
) -> None:
    """Bring tables from database ``live`` into ``new``, by the engine's own tools."""
    with translate(RestoreError, what):
        with server.session(live) as cursor:
            mine = [name for table in tables if (name := full_name(cursor, table))]
            applied = own_migrations(cursor, app)
        if not mine:
            return
        with server.session(new) as cursor:
            for name in mine:
                cursor.execute(f"DROP TABLE IF EXISTS {name} CASCADE")
        _pipe_tables(server, what, live, new, mine)
        with server.session(new) as cursor:
            put_migrations(cursor, app, applied)


def own_migrations(cursor: CursorWrapper, app: str) -> list[tuple[str, Any]]:
    if full_name(cursor, MIGRATIONS) is None:
        return []
    cursor.execute("SELECT name, applied FROM django_migrations WHERE app = %s ORDER BY id", [app])
    return [(name, moment) for name, moment in cursor.fetchall()]


def put_migrations(cursor: CursorWrapper, app: str, applied: list[tuple[str, Any]]) -> None:
    if full_name(cursor, MIGRATIONS) is None:
        return
    cursor.execute("DELETE FROM django_migrations WHERE app = %s", [app])
    cursor.executemany(
        "INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)",
        [(app, name, moment) for name, moment in applied],
    )


def _pipe_tables(server: Server, what: str, live: str, new: str, tables: list[str]) -> None:
    connector = binary_connector(server.alias)
    address = {**take_address(connector), "PGDATABASE": live, "PGAPPNAME": server.options.label}
    version = server.version()
    argv = [find_program("pg_dump", version), "--format=custom", "--compress=0", "--no-password"]
    argv += [f"--table={table}" for table in tables]
    try:
        with Program(argv, environment(connector, address)) as dump:
            feeder = Feeder(dump)
            try:
                loader = Loader(
                    server.alias,
                    what,
                    version,
                    {"PGDATABASE": new, "PGAPPNAME": server.options.label},
                )
                loader.run(["--single-transaction"], feeder.read_end)
            finally:
                feeder.finish()
    except ProgramError as error:
        raise RestoreError(
            what, why=str(error), todo=_("The live database was not touched.")
        ) from error


_SEQUENCES = """
    SELECT format('%I.%I', n.nspname, c.relname), quote_ident(a.attname),
           format('%I.%I', sn.nspname, s.relname), c.relname || '.' || a.attname
    FROM pg_depend d
    JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_namespace sn ON sn.oid = s.relnamespace
    JOIN pg_class c ON c.oid = d.refobjid AND c.relkind IN ('r', 'p')
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
    JOIN pg_sequence q ON q.seqrelid = s.oid AND q.seqincrement > 0 AND NOT q.seqcycle
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
      AND d.deptype IN ('a', 'i')
"""


def lagging_sequences(cursor: CursorWrapper) -> list[str]:
    """A sentence for each sequence whose next value is taken already."""
    cursor.execute(_SEQUENCES)
    problems: list[str] = []
    for table, column, sequence, label in cursor.fetchall():
        highest = scalar(cursor, f"SELECT max({column}) FROM {table}")  # noqa: S608
        last = scalar(cursor, f"SELECT last_value FROM {sequence}")  # noqa: S608
        if highest is not None and highest > last:
            problems.append(
                _(
                    "The sequence of %(column)s stands at %(last)s, behind its row %(highest)s.",
                    column=label,
                    last=last,
                    highest=highest,
                )
            )
    return problems
