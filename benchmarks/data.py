"""What is dumped: a table of text that compresses about 4 : 1, and one that hardly does.

``bench_article`` holds prose of invented words and recurring phrases, ``bench_token`` random
base64, as sessions, keys and hashes are. Both have a primary key and one more index; the
rows are the same on every machine.
"""

from __future__ import annotations

import base64
import itertools
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.cluster import Cluster

POSTGRES_ARTICLES = 1_300_000
SQLITE_ARTICLES = 900_000
"""At scale 1: a database of over 1.5 GB, and a file of over 1 GB."""

TABLES = (
    """
    CREATE TABLE bench_article (
        id bigint NOT NULL, author_id bigint NOT NULL, published timestamp NOT NULL,
        title text NOT NULL, body text NOT NULL {article}
    )
    """,
    """
    CREATE TABLE bench_token (
        id bigint NOT NULL, article_id bigint NOT NULL, secret text NOT NULL {token}
    )
    """,
)
INDEXES = (
    "CREATE INDEX bench_article_author ON bench_article (author_id, published)",
    "CREATE INDEX bench_token_article ON bench_token (article_id)",
)
_SENTENCES = 100_000
_TOKENS = 0.5
"""Rows in bench_token for each in bench_article."""

Row = tuple[object, ...]


def sentences(source: random.Random) -> list[str]:
    """Enough different ones that no window of a compressor sees many of them twice."""
    beginnings = (*"bcdfghklmnprstvw", "sch", "st", "br")
    middles = (*"aeiou", "ei", "au")
    endings = ("", "", "n", "r", "s", "t")

    def word() -> str:
        syllables = source.choice((1, 2, 2, 3))
        parts = (source.choice(beginnings) + source.choice(middles) for _ in range(syllables))
        return "".join(parts) + source.choice(endings)

    words = list(dict.fromkeys(word() for _ in range(4_000)))
    weights = list(itertools.accumulate(1 / (rank + 2) for rank in range(len(words))))
    phrases = [
        " ".join(source.choices(words, cum_weights=weights, k=source.randint(2, 6)))
        for _ in range(20_000)
    ]
    weights = list(itertools.accumulate(1 / (rank + 2) for rank in range(len(phrases))))
    return [
        " ".join(source.choices(phrases, cum_weights=weights, k=source.randint(2, 4))).capitalize()
        + "."
        for _ in range(_SENTENCES)
    ]


def articles(count: int) -> Iterator[Row]:
    source = random.Random(1)
    pool = sentences(source)
    for number in range(1, count + 1):
        title, *body = source.choices(pool, k=8)
        day, second = divmod(number * 37, 86_400)
        published = (
            f"20{20 + day // 336 % 7}-{day // 28 % 12 + 1:02d}-{day % 28 + 1:02d}"
            f" {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        )
        yield number, source.randrange(count // 20 + 1), published, title, " ".join(body)


def tokens(count: int) -> Iterator[Row]:
    source = random.Random(2)
    for number in range(1, int(count * _TOKENS) + 1):
        secret = base64.b64encode(source.randbytes(525)).decode()
        yield number, source.randrange(1, count + 1), secret


def fill_postgres(cluster: Cluster, name: str, count: int) -> int:
    """Make the tables in an existing database; the database's size in bytes."""
    with cluster.connect(name) as connection, connection.cursor() as cursor:
        for statement in TABLES:
            cursor.execute(statement.format(article="", token="").encode())
        for table, rows in (("bench_article", articles(count)), ("bench_token", tokens(count))):
            with cursor.copy(f"COPY {table} FROM STDIN".encode()) as copy:
                # Nothing in the rows needs COPY's escapes.
                while lines := ["\t".join(map(str, row)) for row in itertools.islice(rows, 2_000)]:
                    copy.write("\n".join([*lines, ""]))
            cursor.execute(f"ALTER TABLE {table} ADD PRIMARY KEY (id)".encode())
        for statement in INDEXES:
            cursor.execute(statement.encode())
    return settle_postgres(cluster, name)


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
            connection.execute(statement.format(article=key, token=key))
        for table, rows in (("bench_article", articles(count)), ("bench_token", tokens(count))):
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
    "bench_article": "author_id, published, title, body",
    "bench_token": "article_id, secret",
}
_DOUBLE = (
    "INSERT INTO {table} (id, {columns})"
    " SELECT id + (SELECT max(id) FROM {table}), {columns} FROM {table}"
)
