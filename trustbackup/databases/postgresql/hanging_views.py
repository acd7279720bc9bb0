"""What of the site's own hangs on tables that are replaced: views, triggers, keys to them.

Our tables come into a restored database as they are now. What hangs on them goes with the old
ones, and is made again on the new.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.default_rights import take_default_rights
from trustbackup.databases.postgresql.errors import explain
from trustbackup.databases.postgresql.extensions import LeftOut
from trustbackup.databases.postgresql.pooled import begin
from trustbackup.databases.postgresql.restore_items import (
    Item,
    Player,
    Section,
    attempt,
    read_section,
)
from trustbackup.databases.postgresql.rights import RIGHTS, give_rights
from trustbackup.databases.postgresql.server import Server
from trustbackup.databases.postgresql.session import quote_name, scalar
from trustbackup.databases.postgresql.tools import find_program
from trustbackup.databases.process import Program
from trustbackup.exceptions import ProgramError, RestoreError
from trustbackup.phrases import gettext as _

_VIEWS = """
    WITH RECURSIVE hanging AS (
        SELECT oid FROM unnest(%s::regclass[]::oid[]) oid
        UNION
        SELECT r.ev_class FROM hanging h
        JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::regclass
            AND d.refobjid = h.oid AND d.classid = 'pg_catalog.pg_rewrite'::regclass
        JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
    )
    SELECT format('%%I.%%I', n.nspname, c.relname) FROM hanging
    JOIN pg_catalog.pg_class c USING (oid)
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('v', 'm')
"""
_KEYS = """
    SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid)
    FROM pg_catalog.pg_constraint
    WHERE contype = 'f' AND conparentid = 0 AND confrelid = ANY(%s::regclass[]::oid[])
      AND conrelid <> ALL(%s::regclass[]::oid[])
"""
_TRIGGERS = """
    SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid),
        CASE tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA'
            WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END
    FROM pg_catalog.pg_trigger WHERE NOT tgisinternal AND tgrelid = ANY(%s::regclass[]::oid[])
"""
_HAS_TRIGGER = """
    SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = %s::regclass AND tgname = %s)
"""


@dataclass(frozen=True)
class Hanging:
    """Views as pg_dump writes them, and keys as table, name and definition.

    Triggers likewise, and for whom they are enabled.
    """

    views: Section | None
    keys: Sequence[tuple[str, str, str]]
    triggers: Sequence[tuple[str, str, str, str]]


def find_hanging(
    server: Server, what: str, cursor: CursorWrapper, tables: Collection[str]
) -> Hanging:
    """What hangs on these tables of the database that the cursor is in. Raises RestoreError."""
    names = list(tables)
    cursor.execute(_VIEWS, [names])
    views = [name for (name,) in cursor.fetchall()]
    cursor.execute(_KEYS, [names, names])
    keys = cursor.fetchall()
    cursor.execute(_TRIGGERS, [names])
    triggers = cursor.fetchall()
    if not views:
        return Hanging(None, keys, triggers)
    where = server.where.of_program(cursor)
    argv = [find_program("pg_dump", server.version()), *where.arguments]
    argv += [f"--table={name}" for name in views]
    try:
        with Program(argv, where.environment(), secrets=where.secrets, name="pg_dump") as program:
            return Hanging(read_section(program.read()), keys, triggers)
    except ProgramError as error:
        raise RestoreError(
            what, why=str(error), todo=_("The live database was not touched.")
        ) from error


def hang_again(cursor: CursorWrapper, hanging: Hanging) -> list[str]:
    """Make it again; a sentence for each thing that is not as it was. Raises DatabaseError."""
    notes: list[str] = []
    if hanging.views is not None:
        items = [item for item in hanging.views.items if item.kind not in RIGHTS]
        begin(cursor)
        player = Player(cursor, hanging.views.preamble, inside=True)
        player.play(items, {item.kind for item in items})
        take_default_rights(cursor, items)
        cursor.execute("COMMIT")
        notes += [LeftOut(item, explain(problem)[0]).note for item, problem in player.failed]
        failed = {id(item) for item, _problem in player.failed}
        made = [item for item in hanging.views.items if id(item) not in failed]
        notes += give_rights(cursor, made, lenient=True).notes
    for table, name, definition in hanging.keys:
        add = f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"
        if attempt(cursor, add.encode(), inside=False) is None:
            continue
        if problem := attempt(cursor, f"{add} NOT VALID".encode(), inside=False):
            why = explain(problem)[0]
            notes.append(_("Foreign key %(name)s was left out: %(why)s.", name=name, why=why))
        else:
            notes.append(_("Foreign key %(name)s is not validated.", name=name))
    for table, name, definition, enabled in hanging.triggers:
        if scalar(cursor, _HAS_TRIGGER, table, name):
            continue  # it came along with its table
        text = f"{definition}; ALTER TABLE {table} {enabled} TRIGGER {quote_name(name)}".encode()
        if problem := attempt(cursor, text, inside=False):
            item = Item("TRIGGER", "", f"{table} {name}", "", text)
            notes.append(LeftOut(item, explain(problem)[0]).note)
    return notes
