#!/usr/bin/env bash
# A process that reads its SQLite file with open() and close() loses SQLite's locks: another one writes in between.
#
# Python 3.11.7, SQLite 3.40.1 (rollback journal, the default). Seen on 2026-11-29: while a transaction has begun to
# write, another process is refused ("database is locked"). The first process reads the file with plain open(),
# as one does to hash or copy it; now the other process commits, and the first one's COMMIT ends in "disk I/O error".
# Closing any descriptor of a file frees all POSIX locks that the process has on it
# (https://www.sqlite.org/howtocorrupt.html, section 2.2). For backups: hashing or uploading db.sqlite3 from inside a
# web worker takes its locks away. Use the backup API, or read a copy.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/other.py" <<'PY'
import sqlite3
import sys

connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
try:
    connection.execute("UPDATE stock SET pieces = 99")
    print("has written")
except sqlite3.OperationalError as error:
    print(error)
PY
cat >"$work/site.py" <<'PY'
import hashlib
import sqlite3
import subprocess
import sys
from pathlib import Path

folder = Path(sys.argv[1])
live = folder / "db.sqlite3"
connection = sqlite3.connect(live, isolation_level=None)
connection.execute("CREATE TABLE stock (pieces)")
connection.execute("INSERT INTO stock VALUES (1)")


def other() -> str:
    done = subprocess.run(
        [sys.executable, folder / "other.py", live], capture_output=True, text=True, check=True
    )
    print("another process:", done.stdout.strip())
    return done.stdout.strip()


connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE stock SET pieces = 2")
before = other()
print("sha256", hashlib.sha256(live.read_bytes()).hexdigest()[:16])
after = other()
try:
    connection.execute("COMMIT")
    print("the first one's COMMIT: done")
except sqlite3.OperationalError as error:
    print("the first one's COMMIT:", error)
sys.exit((before, after) != ("database is locked", "has written"))
PY
python3 "$work/site.py" "$work"
