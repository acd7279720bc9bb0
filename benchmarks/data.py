"""What is dumped: a shop's orders, their items, and the tokens of its visitors.

``bench_order`` (rows of 140 bytes) and ``bench_item`` (45 bytes) are text that compresses
about 4 : 1; ``bench_token`` is random base64 that hardly does, as sessions, keys and hashes
are. Each has a primary key, two have one more index. The rows are the same on every machine.
"""

from __future__ import annotations

import base64
import itertools
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.cluster import Cluster
from webshop.shop.sample.words import FAMILY_NAMES, GIVEN_NAMES, STREETS, TOWNS

POSTGRES_ORDERS = 2_850_000
SQLITE_ORDERS = 4_550_000
"""At scale 1: a database of over 1.5 GB, and a file of over 1 GB."""

TABLES = (
    """
    CREATE TABLE bench_order (
        id bigint NOT NULL, customer_id bigint NOT NULL, ordered timestamp NOT NULL,
        status text NOT NULL, total numeric(10, 2) NOT NULL, tracking text NOT NULL,
        note text NOT NULL {order}
    )
    """,
    """
    CREATE TABLE bench_item (
        id bigint NOT NULL, order_id bigint NOT NULL, product_id bigint NOT NULL,
        quantity integer NOT NULL, price numeric(10, 2) NOT NULL, tax numeric(10, 2) NOT NULL,
        discount numeric(10, 2) NOT NULL {item}
    )
    """,
    """
    CREATE TABLE bench_token (
        id bigint NOT NULL, order_id bigint NOT NULL, secret text NOT NULL {token}
    )
    """,
)
INDEXES = (
    "CREATE INDEX bench_order_customer ON bench_order (customer_id)",
    "CREATE INDEX bench_token_order ON bench_token (order_id)",
)
_NOTES = (
    "Delivered to {}. Left with a neighbour.",
    "Gift for {}. Please wrap it in blue paper and leave out the bill.",
    "Call {} before delivery, the bell does not work.",
    "Sent by parcel service to {}, insured.",
    "Returned by {}: the wrong size was ordered.",
    "Paid in advance. Ship to {} in one parcel.",
)
_STATES = ("pending", "processing", "shipped", "completed", "cancelled")
_PEOPLE = 5_000
"""So many that a compressor's window sees few of them twice."""
_ITEMS = 3
_TOKENS = 0.2
"""Rows for each in bench_order. The SQLite file has no items: the peer, which compresses with
gzip's level 9, would take two minutes a round for them."""

Row = tuple[object, ...]


def orders(count: int) -> Iterator[Row]:
    source = random.Random(1)
    people = [
        f"{source.choice(GIVEN_NAMES)} {source.choice(FAMILY_NAMES)}, {source.choice(STREETS)}"
        f" {source.randrange(1, 120)}, {source.choice(TOWNS)}"
        for _ in range(_PEOPLE)
    ]
    chance = source.random  # one call instead of three for choice(): five million rows
    for number in range(1, count + 1):
        day, second = divmod(number * 37, 86_400)
        ordered = (
            f"20{20 + day // 336 % 7}-{day // 28 % 12 + 1:02d}-{day % 28 + 1:02d}"
            f" {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        )
        yield (
            number,
            int(chance() * count / 10),
            ordered,
            _STATES[int(chance() * len(_STATES))],
            round(chance() * 500, 2),
            f"{int(chance() * 2**32):08X}",
            _NOTES[int(chance() * len(_NOTES))].format(people[int(chance() * _PEOPLE)]),
        )


def items(count: int, each: int) -> Iterator[Row]:
    chance = random.Random(3).random
    prices = [round(chance() * 100, 2) for _ in range(500)]
    for number in range(1, count * each + 1):
        product = int(chance() * len(prices))
        price = prices[product]
        yield (
            number,
            -(-number // each),
            product + 1,
            int(chance() * 4) + 1,
            price,
            round(price * 0.19, 2),
            0.1 * int(chance() * 1.2),
        )


def tokens(count: int) -> Iterator[Row]:
    source = random.Random(2)
    for number in range(1, int(count * _TOKENS) + 1):
        secret = base64.b64encode(source.randbytes(132)).decode()
        yield number, int(source.random() * count) + 1, secret


def everything(count: int, each: int = _ITEMS) -> dict[str, Iterator[Row]]:
    """The rows of each table: ``count`` orders with so many items each, and tokens."""
    return {
        "bench_order": orders(count),
        "bench_item": items(count, each),
        "bench_token": tokens(count),
    }


def fill_postgres(cluster: Cluster, name: str, count: int) -> int:
    """Make the tables in an existing database; the database's size in bytes."""
    with cluster.connect(name) as connection, connection.cursor() as cursor:
        for statement in TABLES:
            cursor.execute(statement.format(order="", item="", token="").encode())
        for table, rows in everything(count).items():
            copy_rows(cursor, table, rows)
            cursor.execute(f"ALTER TABLE {table} ADD PRIMARY KEY (id)".encode())
        for statement in INDEXES:
            cursor.execute(statement.encode())
    return settle_postgres(cluster, name)


def copy_rows(cursor: psycopg.Cursor[Any], table: str, rows: Iterator[Row]) -> None:
    with cursor.copy(f"COPY {table} FROM STDIN".encode()) as copy:
        # Nothing in the rows needs COPY's escapes.
        while lines := ["\t".join(map(str, row)) for row in itertools.islice(rows, 5_000)]:
            copy.write("\n".join([*lines, ""]))


def double_postgres(cluster: Cluster, name: str) -> int:
    """Give every table twice its rows; the database's new size in bytes."""
    with cluster.connect(name) as connection:
        for table, columns in _COLUMNS.items():
            connection.execute(_DOUBLE.format(table=table, columns=columns).encode())
    return settle_postgres(cluster, name)


def settle_postgres(cluster: Cluster, name: str) -> int:
    """Let nothing be left to do in the background; the database's size in bytes."""
    with cluster.connect(name) as connection:
        connection.execute("VACUUM (FREEZE, ANALYZE)")
        connection.execute("CHECKPOINT")
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return int(row[0]) if row else 0


def fill_sqlite(path: Path, count: int) -> int:
    """Make the tables in an existing file, in WAL mode; its size in bytes."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        for statement in TABLES:
            key = ", PRIMARY KEY (id)"
            connection.execute(statement.format(order=key, item=key, token=key))
        for table, rows in everything(count, 0).items():
            marks = ", ".join("?" for _ in _COLUMNS[table].split(",")) + ", ?"
            while batch := list(itertools.islice(rows, 50_000)):
                connection.execute("BEGIN")
                connection.executemany(f"INSERT INTO {table} VALUES ({marks})", batch)
                connection.execute("COMMIT")
        for statement in INDEXES:
            connection.execute(statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


def double_sqlite(path: Path) -> int:
    """Give every table twice its rows; the file's new size in bytes."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for table, columns in _COLUMNS.items():
            connection.execute(_DOUBLE.format(table=table, columns=columns))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


_COLUMNS = {
    "bench_order": "customer_id, ordered, status, total, tracking, note",
    "bench_item": "order_id, product_id, quantity, price, tax, discount",
    "bench_token": "order_id, secret",
}
_DOUBLE = (
    "INSERT INTO {table} (id, {columns})"
    " SELECT id + (SELECT max(id) FROM {table}), {columns} FROM {table}"
)
