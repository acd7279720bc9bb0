"""Tables whose policies hide rows from their own owner, too (FORCE ROW LEVEL SECURITY).

pg_dump refuses them, and with reason; what was restored is counted as if there were no policies.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator

from django.db.backends.utils import CursorWrapper

from trustbackup.exceptions import DumpError
from trustbackup.phrases import gettext as _

_ACTIVE = """
    SELECT c.oid, format('%I.%I', n.nspname, c.relname), current_user
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND c.relrowsecurity
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
      AND has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')
      AND row_security_active(c.oid)
    ORDER BY 2
"""

_FORCED = """
    SELECT format('%I.%I', n.nspname, c.relname)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND c.relforcerowsecurity
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
      AND pg_has_role(c.relowner, 'USAGE') AND row_security_active(c.oid)
"""


def check_row_security(cursor: CursorWrapper, what: str, spared: Collection[int] = ()) -> None:
    """Raises DumpError for the first table whose rows the role may not see all.

    Not for those whose rows are left out, which are ``spared`` by their oid.
    """
    cursor.execute(_ACTIVE)
    for oid, table, role in cursor.fetchall():
        if oid not in spared:
            raise DumpError(
                what,
                why=_(
                    "policies of %(table)s hold for role %(role)r, too (row level security), so"
                    " that rows could be missing",
                    table=table,
                    role=role,
                ),
                todo=_(
                    "Let a role that has BYPASSRLS dump it (USER in DBBACKUP_CONNECTORS), or give"
                    " that to this role, then try again."
                ),
            )


@contextlib.contextmanager
def owner_sees_all(cursor: CursorWrapper) -> Iterator[None]:
    """For a while no policy holds for the owner of a table, where this role may act as that.

    In a transaction that may write, on what nobody else works with: the locks are exclusive ones.
    """
    cursor.execute(_FORCED)
    tables = [table for (table,) in cursor.fetchall()]
    if tables:
        cursor.execute("SAVEPOINT all_rows")
    for table in tables:
        cursor.execute(f"ALTER TABLE ONLY {table} NO FORCE ROW LEVEL SECURITY")
    yield
    if tables:
        cursor.execute("ROLLBACK TO SAVEPOINT all_rows; RELEASE SAVEPOINT all_rows")
