"""Tables whose rows a dump leaves out because it was asked to."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.session import Table, scalar
from trustbackup.exceptions import DumpError
from trustbackup.phrases import gettext as _

_REFERENCES = """
    SELECT format('%%I.%%I', n.nspname, c.relname),
        (SELECT string_agg(format('%%I IS NOT NULL', attname), ' AND ')
         FROM pg_catalog.pg_attribute WHERE attrelid = c.oid AND attnum = ANY (o.conkey)),
        o.confrelid::int8
    FROM pg_catalog.pg_constraint o JOIN pg_catalog.pg_class c ON c.oid = o.conrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE o.contype = 'f' AND c.relkind = 'r'
      AND o.confrelid = ANY (%s::oid[]) AND o.conrelid <> ALL (%s::oid[])
"""


def choose_excluded(tables: Sequence[Table], names: Collection[str]) -> list[Table]:
    """Those of these tables that are named, with or without their schema; a partitioned table
    stands for all its parts."""
    wanted = set(names)
    return [table for table in tables if wanted & _names_of(table)]


def _names_of(table: Table) -> set[str]:
    return {
        table.name,
        f"{table.schema}.{table.name}",
        table.root,
        table.root.partition(".")[2],
    } - {""}


def check_references(cursor: CursorWrapper, what: str, excluded: Sequence[Table]) -> None:
    """Refuse what no restore could load: rows that refer to rows which are left out.

    Raises DumpError.
    """
    oids = [table.oid for table in excluded]
    cursor.execute(_REFERENCES, [oids, oids])
    for table, filled, referred in cursor.fetchall():
        if scalar(cursor, f"SELECT EXISTS (SELECT FROM ONLY {table} WHERE {filled})"):  # noqa: S608
            to = next(one for one in excluded if one.oid == referred)
            raise refers_to_nothing(what, table, to.name)


def refers_to_nothing(what: str, table: str, to: str) -> DumpError:
    """The error that rows of one table refer to another's, which would not be there."""
    return DumpError(
        what,
        why=_("rows of %(table)s refer to those of %(to)s, which are left out", table=table, to=to),
        todo=_("Leave both out, or none of them."),
    )
