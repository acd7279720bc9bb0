"""Materialized views that an archive leaves empty, though they were filled at the backup.

pg_dump does not fill a view that is built on an empty one. Those it needs are filled for
the time being.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.errors import explain
from trustbackup.databases.postgresql.extensions import LeftOut
from trustbackup.databases.postgresql.restore_items import FILLING, Item, attempt, is_fatal
from trustbackup.store.manifest import table_label

_EMPTY = """
    WITH RECURSIVE uses AS (
        SELECT DISTINCT r.ev_class AS view, d.refobjid AS used
        FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_depend d
            ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
            AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> r.ev_class
    ), needs AS (
        SELECT c.oid AS view, c.oid AS needed FROM pg_catalog.pg_class c
        WHERE c.relkind = 'm' AND NOT c.relispopulated
        UNION
        SELECT n.view, u.used FROM needs n JOIN uses u ON u.view = n.needed
    )
    SELECT c.oid, s.nspname, c.relname, format('%I.%I', s.nspname, c.relname),
        ARRAY(SELECT n.needed FROM needs n JOIN pg_catalog.pg_class e ON e.oid = n.needed
              WHERE n.view = c.oid AND n.needed <> c.oid AND e.relkind = 'm'
                AND NOT e.relispopulated)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
    WHERE c.relkind = 'm' AND NOT c.relispopulated
"""
"""Those without rows, and which of the others each needs, be it through other views."""


@dataclass(frozen=True)
class EmptyView:
    """``quoted`` is its full name as SQL; ``needs`` are the numbers of empty ones."""

    number: int
    schema: str
    name: str
    quoted: str
    needs: frozenset[int]

    @property
    def label(self) -> str:
        return table_label(self.schema, self.name)


def still_to_fill(wanted: Collection[str], left: Sequence[LeftOut]) -> set[str]:
    """Those of ``wanted`` that have not failed already."""
    failed = {table_label(one.item.schema, one.item.name) for one in left if one.is_view}
    return set(wanted) - failed


def fill_views(cursor: CursorWrapper, wanted: Collection[str], *, inside: bool) -> list[LeftOut]:
    """Fill those of ``wanted`` that are empty; what could not be filled.

    ``inside`` a transaction or not. Raises DatabaseError when nothing else can go well either.
    """
    cursor.execute(_EMPTY)
    empty = {
        number: EmptyView(number, schema, name, quoted, frozenset(needs))
        for number, schema, name, quoted, needs in cursor.fetchall()
    }
    chosen = {view.number for view in empty.values() if view.label in wanted}
    needed = chosen.union(*(empty[number].needs for number in chosen))
    left: list[LeftOut] = []
    filled = []
    # Who needs another needs all that this one needs, and so more than it.
    for number in sorted(needed, key=lambda number: (len(empty[number].needs), number)):
        view = empty[number]
        refresh = f"REFRESH MATERIALIZED VIEW {view.quoted}".encode()
        problem = attempt(cursor, refresh, inside=inside, fatal=is_fatal)
        if problem is None:
            filled.append(view)
        elif number in chosen:
            item = Item(FILLING, view.schema, view.name, "", refresh)
            left.append(LeftOut(item, explain(problem)[0]))
    for view in filled:
        if view.number not in chosen:
            cursor.execute(f"REFRESH MATERIALIZED VIEW {view.quoted} WITH NO DATA")
    return left
