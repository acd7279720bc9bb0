"""Single tables, restored beside the live database with all that they need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import sql

from tests.support.backups import make
from tests.support.restores import beside
from tests.support.sites import Site

SCHEMA = """
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE FUNCTION next_one(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 1';
CREATE SCHEMA sales;
CREATE TABLE item (id serial PRIMARY KEY, m mood NOT NULL, p positive DEFAULT next_one(1),
    more integer GENERATED ALWAYS AS IDENTITY);
CREATE INDEX item_m ON item (m);
CREATE TABLE sales.item (id bigserial PRIMARY KEY, of_item integer REFERENCES item);
CREATE TABLE sales.inv (id integer PRIMARY KEY, line bigint REFERENCES sales.item);
CREATE TABLE "odd name" (id integer);
CREATE TABLE "odd name owner" (id integer);
CREATE TABLE parted (k integer, v text) PARTITION BY RANGE (k);
CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE parted_high PARTITION OF parted FOR VALUES FROM (10) TO (100)
    PARTITION BY RANGE (k);
CREATE TABLE parted_top PARTITION OF parted_high FOR VALUES FROM (50) TO (100);
CREATE INDEX parted_v ON parted (v);
INSERT INTO item (m) VALUES ('glad'), ('sad'), ('glad');
INSERT INTO sales.item (of_item) VALUES (1), (2);
INSERT INTO sales.inv VALUES (1, 1);
INSERT INTO "odd name" VALUES (1);
INSERT INTO parted VALUES (1, 'a'), (2, 'b'), (60, 'c');
"""


class Beside:
    """The database that single tables are restored into."""

    def __init__(self, site: Site) -> None:
        assert site.database
        self.site = site
        self.database = site.database
        self.name = f"{site.database.name}_tables"

    def restore(self, *tables: str, check: bool = True) -> Any:
        arguments = [word for table in tables for word in ("--table", table)]
        return self.site.manage(
            "restore_backup", "latest", "--force", "--into", self.name, *arguments, check=check
        )

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        return self.database.cluster.execute(statement, self.name)

    def tables(self) -> set[str]:
        return {
            name
            for (name,) in self.query(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
                " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            )
        }


@pytest.fixture(params=["custom", "directory"])
def database(postgres_site: Site, request: pytest.FixtureRequest) -> Iterator[Beside]:
    for statement in SCHEMA.strip().split(";\n"):
        postgres_site.query(statement.removesuffix(";"))
    make(postgres_site, "--format", request.param)
    yield (found := Beside(postgres_site))
    drop = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(found.name))
    found.database.cluster.execute(drop)


def test_case_j2_a_table_comes_with_its_types_defaults_sequences_and_keys(
    database: Beside,
) -> None:
    database.restore("public.item")
    assert database.tables() == {"public.item"}
    assert database.query("INSERT INTO item (m) VALUES ('sad') RETURNING id, p, more") == [
        (4, 2, 4)
    ]
    indexes = "SELECT indexname FROM pg_indexes WHERE tablename = 'item' ORDER BY 1"
    assert database.query(indexes) == [("item_m",), ("item_pkey",)]


def test_case_j2_a_table_of_another_schema_is_named_with_it(database: Beside) -> None:
    database.restore("sales.inv", "sales.item")
    assert database.tables() == {"sales.inv", "sales.item"}
    assert database.query("SELECT count(*) FROM sales.item") == [(2,)]
    keys = "SELECT conname FROM pg_constraint WHERE contype = 'f'"
    assert database.query(keys) == [("inv_line_fkey",)], "those to tables that did not come"
    assert database.query("INSERT INTO sales.item DEFAULT VALUES RETURNING id") == [(3,)]


def test_case_j2_a_partitioned_table_comes_with_its_partitions(database: Beside) -> None:
    database.restore("parted")
    assert database.query("SELECT count(*) FROM parted") == [(3,)]
    assert database.query("SELECT count(*) FROM parted_top") == [(1,)]
    attached = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'parted_v'::regclass"
    assert database.query(attached) == [(2,)]


def test_case_j2_one_partition_comes_alone(database: Beside) -> None:
    database.restore("parted_low")
    assert database.tables() == {"public.parted_low"}
    assert database.query("SELECT count(*) FROM parted_low") == [(2,)]


def test_case_j2_names_that_begin_alike_are_told_apart(database: Beside) -> None:
    database.restore("odd name")
    assert database.tables() == {'public."odd name"'}


@pytest.mark.parametrize(
    ("table", "named"),
    [("item", "public.item, sales.item"), ("sales.nothing", "'sales.nothing'"), ("odd", "'odd'")],
)
def test_case_j2_a_name_that_means_several_tables_or_none_is_refused(
    database: Beside, table: str, named: str
) -> None:
    result = database.restore(table, check=False)
    assert result.returncode == 1
    assert named in result.stderr
    assert "Traceback" not in result.stderr
    assert beside(database.site) == []
