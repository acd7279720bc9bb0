"""Random schemas and rows, as hypothesis draws them: statements for either engine."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.support.clusters import run_statement
from tests.support.sites import Site

_LETTERS = "abcXYZ09_ äÖß漢字Ж'\"%\\.;-$\u00a0"
NAMES = st.text(_LETTERS, min_size=1, max_size=12).filter(lambda name: name.strip(" \u00a0"))
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
_BYTES = st.binary(max_size=40)
_WHOLE = st.integers(-(2**63), 2**63 - 1)
_FLOAT = st.floats(allow_nan=False, allow_infinity=False)
_POSTGRES: dict[str, st.SearchStrategy[Any]] = {
    "text": _TEXT,
    "varchar(40)": _TEXT,
    "bigint": _WHOLE,
    "smallint": st.integers(-(2**15), 2**15 - 1),
    "double precision": _FLOAT | st.sampled_from([float("inf"), float("nan")]),
    "numeric": st.decimals(allow_nan=False, allow_infinity=False).map(str),
    "boolean": st.booleans(),
    "bytea": _BYTES,
    "date": st.dates(),
    "timestamptz": st.datetimes().map(lambda moment: f"{moment.isoformat()}+00"),
    "interval": st.integers(-(10**6), 10**6).map(lambda seconds: f"{seconds} seconds"),
    "uuid": st.uuids().map(str),
    "jsonb": st.just('{"a": [1, null, "\\u00e9"]}'),
    "json": st.just('{"b":  1, "b": 2}'),
    "xml": st.just("<a>ü</a>"),
    "text[]": st.lists(_TEXT, max_size=3),
    "inet": st.ip_addresses().map(str),
    "int4range": st.just("[1,5)"),
}
_SQLITE: dict[str, st.SearchStrategy[Any]] = {
    "text": _TEXT,
    "integer": _WHOLE,
    "real": _FLOAT,
    "blob": _BYTES,
    "": _TEXT | _WHOLE | _BYTES,
}


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@st.composite
def tables(draw: st.DrawFn, engine: str) -> list[dict[str, Any]]:
    """Some tables: their schema, name, columns with their types, and rows."""
    types = _POSTGRES if engine == "postgresql" else _SQLITE
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique_by=str.lower))
    found = []
    for name in names:
        columns = draw(
            st.lists(
                st.tuples(NAMES, st.sampled_from(sorted(types))),
                min_size=1,
                max_size=5,
                unique_by=lambda column: column[0].lower(),
            )
        )
        row = st.tuples(*(st.none() | types[kind] for _name, kind in columns))
        found.append(
            {
                "schema": draw(st.sampled_from(["public", "Ölig s'chema"])),
                "name": f"t {name}",
                "columns": [(f"c {column}", kind) for column, kind in columns],
                "rows": draw(st.lists(row, max_size=6)),
            }
        )
    return found


def build(site: Site, drawn: list[dict[str, Any]]) -> None:
    """Make the tables, and what hangs on them."""
    if site.database:
        _build_postgres(site, drawn)
    else:
        _build_sqlite(site, drawn)


def _build_postgres(site: Site, drawn: list[dict[str, Any]]) -> None:
    assert site.database
    with site.database.connect() as connection:

        def run(statement: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
            return run_statement(connection, statement, parameters)

        run('CREATE SCHEMA "Ölig s\'chema"')
        run("CREATE TYPE \"Stimmung\" AS ENUM ('gut', 'so la la')")
        run(
            "CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN NEW.note := coalesce(NEW.note, '') || '!'; RETURN NEW; END $$"
        )
        for table in drawn:
            name = f"{quoted(table['schema'])}.{quoted(table['name'])}"
            columns = ", ".join(f"{quoted(column)} {kind}" for column, kind in table["columns"])
            run(
                f"CREATE TABLE {name} (nr bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
                f" note text, mood \"Stimmung\" DEFAULT 'gut',"
                f" twice bigint GENERATED ALWAYS AS (length(note) * 2) STORED, {columns})"
            )
            run(f"CREATE TRIGGER t BEFORE INSERT ON {name} FOR EACH ROW EXECUTE FUNCTION touched()")
            run(f"CREATE INDEX ON {name} (note) WHERE twice > 2")
            named = ", ".join(quoted(column) for column, _kind in table["columns"])
            places = ", ".join(f"%s::{kind}" for _column, kind in table["columns"])
            for row in table["rows"]:
                run(f"INSERT INTO {name} ({named}) VALUES ({places})".encode(), row)  # type: ignore[arg-type]
            view = f"{quoted(table['schema'])}.{quoted('v' + table['name'])}"
            run(f"CREATE VIEW {view} AS SELECT nr, note FROM {name} WHERE nr > 1")
            run(f'CREATE MATERIALIZED VIEW {view[:-1]} m" AS SELECT count(*) FROM {name}')
        run('CREATE TABLE "Teile" (day date, n int) PARTITION BY RANGE (day)')
        for year in (2025, 2026):
            run(
                f'CREATE TABLE "Teile {year}" PARTITION OF "Teile"'
                f" FOR VALUES FROM ('{year}-01-01') TO ('{year + 1}-01-01')"
            )
            run(f"INSERT INTO \"Teile\" SELECT '{year}-02-03', n FROM generate_series(1, 5) n")
        run("CREATE TABLE eltern (a int, b text); CREATE TABLE kind (c int) INHERITS (eltern)")
        run("INSERT INTO kind VALUES (1, 'x', 2); INSERT INTO eltern VALUES (3, 'y')")
        run("SELECT lo_from_bytea(0, decode(repeat('00ff', 3000), 'hex'))")


def _build_sqlite(site: Site, drawn: list[dict[str, Any]]) -> None:
    import contextlib
    import sqlite3

    with contextlib.closing(sqlite3.connect(site.sqlite_file)) as database, database:
        for table in drawn:
            name = quoted(table["name"])
            columns = ", ".join(f"{quoted(column)} {kind}" for column, kind in table["columns"])
            database.execute(
                f"CREATE TABLE {name} (nr integer PRIMARY KEY AUTOINCREMENT, note text,"
                f" twice integer GENERATED ALWAYS AS (length(note) * 2) STORED, {columns})"
            )
            database.execute(
                f"CREATE TRIGGER {quoted('r' + table['name'])} AFTER INSERT ON {name}"
                f" BEGIN UPDATE {name} SET note = coalesce(note, '') || '!' WHERE nr = NEW.nr; END"
            )
            index = quoted("i" + table["name"])
            database.execute(f"CREATE INDEX {index} ON {name} (note) WHERE twice > 2")
            named = ", ".join(quoted(column) for column, _kind in table["columns"])
            places = ", ".join("?" for _column in table["columns"])
            database.executemany(f"INSERT INTO {name} ({named}) VALUES ({places})", table["rows"])
            view = quoted("v" + table["name"])
            database.execute(f"CREATE VIEW {view} AS SELECT nr FROM {name} WHERE nr > 1")
        database.execute("CREATE TABLE keyless (a PRIMARY KEY, b) WITHOUT ROWID")
        database.execute("INSERT INTO keyless VALUES (x'00ff', 1), ('ü', NULL)")
        database.execute("CREATE VIRTUAL TABLE words USING fts5(text)")
        database.execute("INSERT INTO words VALUES ('found again')")
