"""Everything that a site's database holds, so that two moments can be compared."""

from __future__ import annotations

import contextlib
import hashlib
import re
import sqlite3
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support.mariadb_content import mariadb_content
from tests.support.sites import Site

Content = dict[str, list[str]]
_MIGRATIONS = "SELECT app, name FROM django_migrations WHERE app <> 'trustbackup'"
_TABLES = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
"""
_SCHEMA = """
    SELECT format('%s.%s %s %s', n.nspname, c.relname, c.relkind, c.relacl) FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind <> 'i' AND OWNED
    UNION ALL
    SELECT format('%s.%s %s %s %s %s %s', n.nspname, c.relname, a.attname,
        format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
        pg_get_expr(d.adbin, d.adrelid))
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm') AND OWNED
    UNION ALL
    SELECT pg_get_indexdef(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('i', 'I') AND OWNED
    UNION ALL
    SELECT conname || ' ' || pg_get_constraintdef(o.oid) FROM pg_constraint o
        JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE OWNED
    UNION ALL
    SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal AND OWNED
    UNION ALL
    SELECT c.relname || ' ' || pg_get_viewdef(c.oid) FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm') AND OWNED
    UNION ALL
    SELECT pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND p.prokind = 'f'
""".replace(
    "OWNED",
    "n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND c.relname !~ '^trustbackup_'",
)
_CASTS = r"::character varying|::text(\[\])?|[()]"
_LARGE_OBJECTS = "SELECT format('%s %s %s', loid, pageno, md5(data)) FROM pg_largeobject"


def content(site: Site, where: str = "") -> Content:
    """Rows of every table, sequences and the schema; ``where`` is another database or file.

    Without what a restore leaves as it is, or ends: trustbackup's own tables, and sessions.
    """
    if site.database:
        with site.database.cluster.connect(where or site.database.name) as connection:
            return _postgres(connection)
    if site.mariadb:
        with contextlib.closing(site.mariadb.server.connect(where or site.mariadb.name)) as one:
            return mariadb_content(one)
    return sqlite_content(Path(where or site.sqlite_file))


def digest(site: Site, where: str = "") -> str:
    """The same in one word."""
    return hashlib.sha256(repr(sorted(content(site, where).items())).encode()).hexdigest()


def is_rewound(table: str) -> bool:
    """Whether a restore brings this table back."""
    return not table.startswith("trustbackup_") and table != "django_session"


def _postgres(connection: psycopg.Connection) -> Content:
    def rows(query: str | sql.Composed) -> list[str]:
        text = query.encode() if isinstance(query, str) else query
        return sorted(
            str(row[0]) if len(row) == 1 else str(row) for row in connection.execute(text)
        )

    connection.execute("SET search_path = pg_catalog")
    connection.execute("SET bytea_output = hex")
    found = {
        # A dump that is loaded again casts the same thing elsewhere.
        "": sorted(re.sub(_CASTS, "", line) for line in rows(_SCHEMA)),
        "large objects": rows(_LARGE_OBJECTS),
    }
    for schema, table in connection.execute(_TABLES.encode()).fetchall():
        name = sql.Identifier(schema, table)
        # A child's columns may come back in another order.
        columns = connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s)"
            " AND attnum > 0 AND NOT attisdropped ORDER BY attname",
            [name.as_string(connection)],
        ).fetchall()
        if table == "django_migrations":
            found[table] = rows(_MIGRATIONS.replace("FROM ", "FROM public."))
        elif is_rewound(table):
            row = sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(c)) for (c,) in columns)
            query = sql.SQL("SELECT row({})::text FROM ONLY {} t").format(row, name)
            found[f"{schema}.{table}"] = rows(query)
    sequences = (
        "SELECT format('%s.%s %s', schemaname, sequencename, last_value) FROM pg_sequences"
        " WHERE sequencename !~ '^(trustbackup_|django_migrations)'"
    )
    found["sequences"] = rows(sequences)
    return found


def sqlite_content(path: Path) -> Content:
    """The same for a file of SQLite, which must be sound."""
    assert path.is_file(), path
    with contextlib.closing(sqlite3.connect(path)) as connection:
        check = connection.execute("PRAGMA integrity_check").fetchall()
        assert check == [("ok",)], check
        schema = connection.execute("SELECT tbl_name, type, name, sql FROM sqlite_master")
        objects = [row for row in schema.fetchall() if not row[0].startswith("trustbackup_")]
        found = {"": sorted(map(repr, objects))}
        tables = {row[0] for row in objects if row[1] == "table"}
        for table in sorted(tables):
            quoted = '"' + table.replace('"', '""') + '"'
            query = _MIGRATIONS if table == "django_migrations" else f"SELECT * FROM {quoted}"
            rows = connection.execute(query).fetchall()
            if table == "sqlite_sequence":
                rows = [row for row in rows if is_rewound(row[0]) and row[0] != "django_migrations"]
            if is_rewound(table):
                found[table] = sorted(map(repr, rows))
    return found
