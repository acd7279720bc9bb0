#!/usr/bin/env bash
# SQLite's backup API cannot restore into a WAL database of another page size, and calls it read-only.
#
# SQLite 3.54.1 (apsw 3.54.1.0, PyPI). Seen on 2026-11-29: a backup with pages of 1024 bytes into a live database with
# 4096 in WAL mode ends in SQLITE_READONLY ("attempt to write a readonly database" in Python's sqlite3), though both are writable; with
# journal_mode = delete on the live one it works, and the live one then has 1024.
# For backups: PRAGMA page_size and VACUUM once years ago, WAL switched on since: no old backup restores.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'apsw==3.54.1.0' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }
is() { # what, seen, expected
  printf '%-46s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-29 it was: $3"; exit 1; }
}

cat >"$work/restore.py" <<'PY'
import sys
import apsw

folder = sys.argv[1]
backup = apsw.Connection(f"{folder}/backup.db")
backup.execute("PRAGMA page_size = 1024; CREATE TABLE orders (n); INSERT INTO orders VALUES (1)")
live = apsw.Connection(f"{folder}/live.db")
live.execute("PRAGMA page_size = 4096; CREATE TABLE orders (n)")

def restore():
    try:
        with live.backup("main", backup, "main") as copy:
            copy.step()
        return f"{live.execute('SELECT count(*) FROM orders').get} row"
    except apsw.Error as error:
        return type(error).__name__

live.execute("PRAGMA journal_mode = wal")
print(restore())
live.execute("PRAGMA journal_mode = delete")
print(restore())
PY
"$work/venv/bin/python" "$work/restore.py" "$work" >"$work/seen"
is "into WAL:" "$(sed -n 1p "$work/seen")" ReadOnlyError
is "into delete:" "$(sed -n 2p "$work/seen")" "1 row"
