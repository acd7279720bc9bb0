"""Tables whose rows call a function of the site's while they are loaded.

A generated column may call one, and so may the expression of a partition. pg_restore loads with
an empty search path, where such a function finds nothing that it names without a schema, though it
does at the site. So these tables are loaded by the site's own search path.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.pooled import begin, in_transaction

_CALLING = """
    WITH calling AS (
        SELECT f.adrelid AS number
        FROM pg_catalog.pg_attrdef f
        JOIN pg_catalog.pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
        JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::regclass
          AND d.objid = f.oid AND d.refclassid = 'pg_catalog.pg_proc'::regclass
        WHERE a.attgenerated <> '' AND d.refobjid >= 16384
        UNION
        SELECT t.relid::oid
        FROM pg_catalog.pg_partitioned_table p
        JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass
          AND d.objid = p.partrelid AND d.refclassid = 'pg_catalog.pg_proc'::regclass,
        LATERAL pg_partition_tree(p.partrelid) t
        WHERE p.partexprs IS NOT NULL AND d.refobjid >= 16384)
    SELECT format('%I.%I', n.nspname, c.relname)
    FROM calling JOIN pg_catalog.pg_class c ON c.oid = number
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
"""
_NAME = rb'(?:"(?:[^"]|"")*"|[^\s".(;]+)'
_COPY = re.compile(rb"\ACOPY (%b\.%b)" % (_NAME, _NAME))


def tables_that_call(cursor: CursorWrapper) -> frozenset[bytes]:
    """Their full names as SQL. Raises DatabaseError."""
    cursor.execute(_CALLING)
    return frozenset(str(name).encode() for (name,) in cursor.fetchall())


@contextlib.contextmanager
def as_the_site(
    cursor: CursorWrapper, statement: bytes, tables: frozenset[bytes]
) -> Iterator[None]:
    """Around a ``COPY … FROM stdin``: the site's search path where it goes to one of ``tables``.

    In the transaction that there is, else in one of its own. Raises DatabaseError.
    """
    found = _COPY.match(statement)
    if found is None or found[1] not in tables:
        yield
        return
    inside = in_transaction(cursor)
    if not inside:
        begin(cursor)
    cursor.execute("SET LOCAL search_path TO DEFAULT")
    yield
    cursor.execute("SELECT pg_catalog.set_config('search_path', '', true)" if inside else "COMMIT")
