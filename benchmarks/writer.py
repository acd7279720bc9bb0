"""A site that goes on writing: about 100 small transactions a second on an SQLite file.

    writer.py DATABASE RESULT

Writes until its standard input is closed, and then tells as JSON how long each took.
"""

from __future__ import annotations

import json
import select
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

INTERVAL = 0.01


def main() -> None:
    database, result = sys.argv[1:]
    with closing(sqlite3.connect(database, timeout=60, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS bench_visit (id integer PRIMARY KEY, at)")
        print("ready", flush=True)
        took = write_until_closed(connection)
        connection.execute("DROP TABLE bench_visit")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    Path(result).write_text(json.dumps(took))


def write_until_closed(connection: sqlite3.Connection) -> list[float]:
    """The seconds that each transaction took, as its caller saw it."""
    took = []
    due = time.monotonic()
    while not select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
        began = time.monotonic()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO bench_visit (at) VALUES (?)", [time.time()])
        connection.execute("COMMIT")
        ended = time.monotonic()
        took.append(ended - began)
        due = max(due + INTERVAL, ended)
    return took


if __name__ == "__main__":
    main()
