"""Fingerprints of single tables of a SQLite file, and of what it defines."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import replace

from trustbackup.databases.values import Facts


def with_fingerprints(connection: sqlite3.Connection, facts: Facts) -> Facts:
    """The same facts with each table's fingerprint, and the definition's.

    Of rows in the order in which the file has them: in another order they are another content.
    """
    tables = tuple(
        replace(table, fingerprint=_fingerprint(connection, table.name)) for table in facts.tables
    )
    return replace(facts, tables=tables, definition=_definition(connection))


def _fingerprint(connection: sqlite3.Connection, table: str) -> str:
    digest = hashlib.sha256()
    name = '"' + table.replace('"', '""') + '"'
    factory = connection.text_factory
    # A text that is not Unicode is content, too.
    connection.text_factory = bytes
    try:
        for row in connection.execute(f"SELECT * FROM {name}"):  # noqa: S608
            digest.update(repr(row).encode())
    finally:
        connection.text_factory = factory
    return digest.hexdigest()


def _definition(connection: sqlite3.Connection) -> str:
    rows = connection.execute(
        "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master ORDER BY 1, 2, 3"
    ).fetchall()
    pragmas = ("user_version", "application_id")
    versions = [connection.execute(f"PRAGMA {name}").fetchone() for name in pragmas]
    return hashlib.sha256(repr((rows, versions)).encode()).hexdigest()
