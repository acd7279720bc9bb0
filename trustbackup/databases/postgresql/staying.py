"""Which entries of an archive a restore in place leaves out: what stays in the live database."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from django.db.backends.utils import CursorWrapper

# "215; 1259 16402 TABLE public shop_order owner"
_ENTRY = re.compile(r"^\d+; \d+ \d+ (?P<rest>.*)$", re.MULTILINE)
_TABLE = re.compile(r"^\d+; \d+ \d+ TABLE \S+ (?P<name>.*) \S+$", re.MULTILINE)


def without_what_stays(listing: str, own: Sequence[str], cursor: CursorWrapper) -> str:
    """The table of contents ``listing`` without these tables, and without what is there anyhow.

    Raises DatabaseError.
    """
    return without(listing, own, _there(cursor) | _indexes(cursor, own))


def without(listing: str, own: Sequence[str], there: Collection[tuple[str, str]]) -> str:
    """Comment out the entries of these tables, of what hangs on them, and of what is there.

    What hangs on a table begins with its name. So may another table, whose name is longer then.
    """
    others = {found["name"] for found in _TABLE.finditer(listing)} - set(own)
    tables = sorted({*own, *others}, key=len, reverse=True)

    def is_own(word: str) -> bool:
        of = next((name for name in tables if word == name or word.startswith(f"{name}_")), "")
        return of in own

    def keep(match: re.Match[str]) -> str:
        words = match["rest"].split(" ")
        # "SCHEMA - NAME owner", "EXTENSION - NAME ", "COMMENT - EXTENSION NAME ",
        # "INDEX public NAME owner"
        kind, name = words[2:4] if words[0] == "COMMENT" else words[0:3:2]
        # "TABLE DATA public NAME owner", "CONSTRAINT public NAME NAME_pkey owner",
        # "SEQUENCE public NAME_id_seq owner", "INDEX public NAME_kind_1a2b owner"
        if (kind, name) in there or any(is_own(word) for word in words):
            return f";{match[0]}"
        return match[0]

    return _ENTRY.sub(keep, listing)


def _there(cursor: CursorWrapper) -> set[tuple[str, str]]:
    """Schemas, extensions and subscriptions of the live database.

    They stay: the app's own tables may lie in them, and few roles may make them again.
    """
    cursor.execute(
        "SELECT 'SCHEMA', nspname FROM pg_namespace"
        " UNION ALL SELECT 'EXTENSION', extname FROM pg_extension"
        " UNION ALL SELECT 'SUBSCRIPTION', subname FROM pg_subscription"
        " WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return {(kind, name) for kind, name in cursor.fetchall()}


def _indexes(cursor: CursorWrapper, tables: Sequence[str]) -> set[tuple[str, str]]:
    """The indexes of these tables, whatever somebody called them: they stay with their tables."""
    cursor.execute(
        "SELECT 'INDEX', i.relname FROM unnest(%s::text[]) AS name"
        " JOIN pg_index x ON x.indrelid = to_regclass(quote_ident(name))"
        " JOIN pg_class i ON i.oid = x.indexrelid",
        [list(tables)],
    )
    return {(kind, name) for kind, name in cursor.fetchall()}
