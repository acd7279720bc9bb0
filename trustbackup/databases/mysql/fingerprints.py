"""The server's own sum of a table's rows, which is the same after a dump was loaded."""

from __future__ import annotations

from collections.abc import Collection

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.mysql.session import Table, quote_name, text

_FLOATS = """
    SELECT DISTINCT table_name FROM information_schema.columns
    WHERE table_schema = DATABASE() AND data_type = 'float'
"""


def float_tables(cursor: CursorWrapper) -> set[str]:
    """Tables with a FLOAT, which a dump rounds to six digits."""
    cursor.execute(_FLOATS)
    return {text(name) for (name,) in cursor.fetchall()}


def fingerprint(cursor: CursorWrapper, table: Table, floats: Collection[str]) -> str:
    """Hexadecimal; "" for what comes back with other bytes: histories, and those of ``floats``."""
    if table.hollow or table.versioned or table.name in floats:
        return ""
    cursor.execute(f"CHECKSUM TABLE {quote_name(table.name)}")
    _name, number = cursor.fetchone()
    return f"{int(number):x}" if number is not None else ""
