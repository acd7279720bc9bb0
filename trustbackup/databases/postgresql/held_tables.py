"""How the server treats tables while they are filled, until they have their indexes."""

from __future__ import annotations

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.parallel_copy import JOBS
from trustbackup.databases.postgresql.pooled import configure
from trustbackup.databases.postgresql.restore_items import run_bytes
from trustbackup.databases.postgresql.session import Sessions

_WITHOUT_RELOPTIONS = """
    SELECT format('%I.%I', n.nspname, c.relname)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence <> 't'
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
      AND pg_has_role(c.relowner, 'USAGE')
      AND NOT coalesce(c.reloptions::text ~ '(autovacuum_enabled|parallel_workers)=', false)
"""
"""Tables that do not say themselves what autovacuum and parallel workers may do to them."""
_LOAD_RELOPTIONS = {"autovacuum_enabled": "false"}
"""How the server treats those tables until they have their indexes.

Autovacuum would go through them beside the load, and building an index would wait a second
before the server calls it off.
"""
if JOBS == 2:
    # Two indexes at a time keep two processors busy. The workers that the server adds to each
    # take a seventh more of their time; with more processors the last large index needs them.
    _LOAD_RELOPTIONS["parallel_workers"] = "0"


_AT_A_TIME = 100
"""Tables that are changed in one transaction: the server has room for so many locks."""


class HeldTables:
    """The tables of one load; ``sessions`` opens one where they are."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self._held: list[str] = []

    def hold(self) -> None:
        """Raises DatabaseError."""
        with self.sessions() as cursor:
            cursor.execute(_WITHOUT_RELOPTIONS)
            self._held = [name for (name,) in cursor.fetchall()]
            changes = ", ".join(f"{name} = {value}" for name, value in _LOAD_RELOPTIONS.items())
            self._alter_tables(cursor, f"SET ({changes})")

    def release(self) -> None:
        """Raises DatabaseError."""
        with self.sessions() as cursor:
            self._alter_tables(cursor, f"RESET ({', '.join(_LOAD_RELOPTIONS)})")

    def _alter_tables(self, cursor: CursorWrapper, action: str) -> None:
        # What commits next and waits for the disk, the swap at the latest, takes this along.
        configure(cursor, synchronous_commit="off")
        for start in range(0, len(self._held), _AT_A_TIME):
            chunk = self._held[start : start + _AT_A_TIME]
            changes = [f"ALTER TABLE {table} {action};" for table in chunk]
            run_bytes(cursor, "\n".join(changes).encode())
