"""What a restore does to single tables: keep the app's own as they are now, end sessions,
look whether sequences are ahead of their rows."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.feeder import Feeder
from trustbackup.databases.postgresql.default_rights import take_default_rights
from trustbackup.databases.postgresql.errors import explain, translate
from trustbackup.databases.postgresql.extensions import LeftOut
from trustbackup.databases.postgresql.hanging_views import find_hanging, hang_again
from trustbackup.databases.postgresql.pooled import begin
from trustbackup.databases.postgresql.restore_items import (
    FOREIGN_KEY,
    Item,
    Player,
    not_validated,
    read_section,
)
from trustbackup.databases.postgresql.restore_script import Script, copy_rows
from trustbackup.databases.postgresql.rights import RIGHTS, give_rights
from trustbackup.databases.postgresql.server import Server
from trustbackup.databases.postgresql.session import (
    MIGRATIONS,
    quote_name,
    scalar,
    silence_event_triggers,
)
from trustbackup.databases.postgresql.tools import find_program, find_reader
from trustbackup.databases.process import Program
from trustbackup.exceptions import ProgramError, RestoreError
from trustbackup.phrases import gettext as _


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
) -> list[str]:
    """Bring tables from database ``live`` into ``new``, by the engine's own tools.

    A sentence for each thing that is not as it was.
    """
    with translate(RestoreError, what):
        with server.session(live) as cursor:
            mine = [name for table in tables if (name := full_name(cursor, table))]
            applied = own_migrations(cursor, app)
        if not mine:
            return []
        with server.session(new) as cursor:
            there = [name for name in mine if scalar(cursor, "SELECT to_regclass(%s)", name)]
            hanging = find_hanging(server, what, cursor, there)
            silence_event_triggers(cursor)
            for name in mine:
                cursor.execute(f"DROP TABLE IF EXISTS {name} CASCADE")
            notes = _pipe_tables(server, what, live, cursor, mine)
            put_migrations(cursor, app, applied)
            notes += hang_again(cursor, hanging)
    return notes


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


_OF_THE_SITE = (
    *("INDEX", "CHECK CONSTRAINT", FOREIGN_KEY, "STATISTICS"),
    *("TRIGGER", "RULE", "POLICY", "ROW SECURITY", "COMMENT", "SECURITY LABEL"),
)
"""Kinds of items that a site may have hung on our tables since the backup was made.

Such a trigger calls a function that the restored database may not have.
"""
_HEAD_OF_ROWS = re.compile(rb"^--\n-- Data for Name: [^\n]*\n--\n", re.MULTILINE)


def _pipe_tables(
    server: Server, what: str, live: str, new: CursorWrapper, tables: list[str]
) -> list[str]:
    """By pg_dump and pg_restore; the one proves by a snapshot where it is, the other is played."""
    argv = [find_program("pg_dump", server.version()), "--format=custom", "--compress=0"]
    argv += [f"--table={table}" for table in tables]
    items: list[Item] = []
    notes: list[str] = []
    left: set[int] = set()

    def run(text: bytes) -> None:
        section = read_section(_HEAD_OF_ROWS.sub(b"", text))
        items.extend(section.items)
        player = Player(new, section.preamble, inside=True)
        player.play([item for item in section.items if item.kind not in RIGHTS], _OF_THE_SITE)
        left.update(id(item) for item, _problem in player.failed)
        notes.extend(LeftOut(item, explain(problem)[0]).note for item, problem in player.failed)
        notes.extend(not_validated(player.unvalidated))

    try:
        with server.session(live) as old:
            begin(old, "ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            where = server.where.of_program(old)
            snapshot = scalar(old, "SELECT pg_export_snapshot()")
            argv += [*where.arguments, f"--snapshot={snapshot}"]
            begin(new)
            with (
                Program(argv, where.environment(), secrets=where.secrets, name="pg_dump") as dump,
                Feeder(dump) as feeder,
                Program([find_reader(server.alias), "--file=-"], stdin=feeder.read_end) as program,
            ):
                Script(program).play(run, functools.partial(copy_rows, new))
            take_default_rights(new, items)
            new.execute("COMMIT")
    except ProgramError as error:
        raise RestoreError(
            what, why=str(error), todo=_("The live database was not touched.")
        ) from error
    made = [item for item in items if id(item) not in left]
    return notes + give_rights(new, made, lenient=True).notes


_SEQUENCES = """
    SELECT format('%I.%I', n.nspname, c.relname), quote_ident(a.attname),
           format('%I.%I', sn.nspname, s.relname), c.relname || '.' || a.attname,
           sn.nspname, s.relname
    FROM pg_depend d
    JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_namespace sn ON sn.oid = s.relnamespace
    JOIN pg_class c ON c.oid = d.refobjid AND c.relkind IN ('r', 'p')
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_sequence q ON q.seqrelid = s.oid AND q.seqincrement > 0 AND NOT q.seqcycle
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
      AND d.deptype IN ('a', 'i')
      AND coalesce(nullif(t.typbasetype, 0), t.oid) IN (
        'int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype)
"""
"""A column of another type ('INV-1') has no number that its sequence could be behind."""
_HIGHEST = "SELECT max({column}) FROM {table} WHERE {column} <= 9223372036854775807"
"""No more than a sequence can give: a numeric may be NaN, too."""


@dataclass(frozen=True)
class LaggingSequence:
    """One whose next value is taken already."""

    schema: str
    name: str
    sentence: str


def lagging_sequences(cursor: CursorWrapper) -> list[LaggingSequence]:
    cursor.execute(_SEQUENCES)
    found = []
    for table, column, sequence, label, schema, name in cursor.fetchall():
        highest = scalar(cursor, _HIGHEST.format(column=column, table=table))
        last = scalar(cursor, f"SELECT last_value FROM {sequence}")  # noqa: S608
        if highest is not None and highest > last:
            sentence = _(
                "The sequence of %(column)s stands at %(last)s, behind its row %(highest)s.",
                column=label,
                last=last,
                highest=highest,
            )
            found.append(LaggingSequence(schema, name, sentence))
    return found
