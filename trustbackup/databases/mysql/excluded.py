"""Rows that are left out of a dump on purpose: nothing that stays in it may refer to them."""

from __future__ import annotations

from collections.abc import Collection

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.mysql.session import quote_name, scalar, text
from trustbackup.exceptions import DumpError
from trustbackup.phrases import gettext as _

_REFERENCES = """
    SELECT table_name, constraint_name, column_name, referenced_table_name
    FROM information_schema.key_column_usage
    WHERE table_schema = DATABASE() AND referenced_table_schema = DATABASE()
    ORDER BY table_name, constraint_name, ordinal_position
"""


def check_references(
    cursor: CursorWrapper, what: str, excluded: Collection[str], absent: Collection[str]
) -> None:
    """Refuse what could only be restored with foreign keys that point nowhere. Raises DumpError.

    ``absent`` are tables that are in no dump, whatever refers to them.
    """
    cursor.execute(_REFERENCES)
    keys: dict[tuple[str, str, str], list[str]] = {}
    for table, key, column, to in cursor.fetchall():
        keys.setdefault((text(table), text(key), text(to)), []).append(text(column))
    for (table, _key, to), columns in keys.items():
        if to not in excluded or table in excluded or table in absent:
            continue
        given = " AND ".join(f"{quote_name(column)} IS NOT NULL" for column in columns)
        query = f"SELECT 1 FROM {quote_name(table)} WHERE {given} LIMIT 1"  # noqa: S608
        if scalar(cursor, query) is not None:
            raise DumpError(
                what,
                why=_(
                    "rows of %(table)s refer to those of %(to)s, which are left out",
                    table=table,
                    to=to,
                ),
                todo=_("Leave both out, or none of them."),
            )
