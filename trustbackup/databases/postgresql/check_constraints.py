"""Check constraints that call a function of the site's, which may read any table.

pg_dump has them in the table's own statement, so that rows are checked while they are loaded,
and the answer depends on which table came first. They are put off until every row is there. Rows
that break one even then were there all the same, and so is the constraint, but not validated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import DatabaseError
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.errors import explain
from trustbackup.databases.postgresql.restore_items import attempt, is_fatal
from trustbackup.databases.postgresql.session import quote_text
from trustbackup.phrases import gettext as _

_CALLING = """
    SELECT CASE WHEN k.conrelid <> 0 THEN 'TABLE ' || k.conrelid::regclass
            ELSE 'DOMAIN ' || k.contypid::regtype END,
        quote_ident(k.conname), pg_get_constraintdef(k.oid), k.conislocal, k.convalidated,
        obj_description(k.oid, 'pg_constraint')
    FROM pg_catalog.pg_constraint k
    JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace
    WHERE k.contype = 'c' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
      AND EXISTS (
        SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_constraint'::regclass AND d.objid = k.oid
          AND d.refclassid = 'pg_catalog.pg_proc'::regclass AND d.refobjid >= 16384
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
            WHERE e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e'))
      AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend e
        WHERE e.classid = CASE WHEN k.conrelid <> 0 THEN 'pg_catalog.pg_class'::regclass
            ELSE 'pg_catalog.pg_type'::regclass END
          AND e.objid = greatest(k.conrelid, k.contypid) AND e.deptype = 'e')
    ORDER BY k.coninhcount, k.oid
"""
"""Parents come first: what their children have of them goes and comes with theirs."""


@dataclass(frozen=True)
class CheckConstraint:
    """One that was taken away; names and definition are SQL."""

    of: str
    name: str
    definition: str
    validated: bool
    comment: str | None

    @property
    def label(self) -> str:
        return f"{self.of.partition(' ')[2]}.{self.name}"


def put_off_checks(cursor: CursorWrapper) -> list[CheckConstraint]:
    """Drop them before the rows come. The session's search path is empty, as pg_restore's is."""
    cursor.execute(_CALLING)
    found = []
    for of, name, definition, is_local, validated, comment in cursor.fetchall():
        cursor.execute(f"ALTER {of} DROP CONSTRAINT IF EXISTS {name}")
        if is_local:
            found.append(CheckConstraint(of, name, definition, validated, comment))
    return found


def make_checks(
    cursor: CursorWrapper, constraints: Sequence[CheckConstraint], *, inside: bool
) -> list[str]:
    """Make them again; a sentence for each that the rows break. Raises DatabaseError."""
    notes: list[str] = []
    for one in constraints:
        # A check may say itself that it is not valid, or not enforced.
        unchecked = one.definition if not one.validated else f"{one.definition} NOT VALID"
        cursor.execute(f"ALTER {one.of} ADD CONSTRAINT {one.name} {unchecked}")
        if one.comment is not None:
            on = one.of.removeprefix("TABLE ")
            text = quote_text(one.comment)
            cursor.execute(f"COMMENT ON CONSTRAINT {one.name} ON {on} IS {text}")
        if one.validated and (problem := _validate(cursor, one, inside=inside)):
            why = explain(problem)[0]
            notes.append(_("Check %(name)s is not validated: %(why)s.", name=one.label, why=why))
    return notes


def _validate(cursor: CursorWrapper, one: CheckConstraint, *, inside: bool) -> DatabaseError | None:
    text = f"ALTER {one.of} VALIDATE CONSTRAINT {one.name}"
    return attempt(cursor, text.encode(), inside=inside, fatal=is_fatal)
