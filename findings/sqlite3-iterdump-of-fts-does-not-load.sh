#!/usr/bin/env bash
# Python's iterdump() of a database with full text search cannot be loaded by executescript().
#
# Python 3.11.7, SQLite 3.40.1. Seen on 2026-11-29: the dump of an FTS5 table writes into sqlite_master and goes on
# with INSERT INTO it; on one connection that is "no such table", after the rows before it were loaded. A database
# without FTS loads. The sqlite3 program's own .dump of it loads.
# For backups: a dump by the standard library ends well and cannot be restored by it.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

python3 - <<'PY'
import sqlite3, sys

print("Python", sys.version.split()[0], "SQLite", sqlite3.sqlite_version)
results = []
for kind in "", "CREATE VIRTUAL TABLE search USING fts5(body); INSERT INTO search VALUES ('hello');":
    site, copy = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
    site.executescript("CREATE TABLE orders (n); INSERT INTO orders VALUES (1);" + kind)
    try:
        copy.executescript("\n".join(site.iterdump()))
        results.append("loads")
    except sqlite3.OperationalError as error:
        results.append(str(error))
print("without FTS:", results[0])
print("with FTS:   ", results[1])
sys.exit(results != ["loads", "no such table: search"])
PY
