#!/usr/bin/env bash
# A copy made with VACUUM INTO is no longer in WAL mode; one made with the backup API is.
#
# SQLite 3.54.1 (apsw 3.54.1.0, PyPI). Seen on 2026-11-29: of a WAL database, the backup API's copy says
# journal_mode "wal", VACUUM INTO's says "delete".
# For backups: restored from the second, a busy site has its writers and readers block each other ("database is
# locked") as it had not for years; WAL is a property of the file that nobody sets again unless settings do
# (Django's OPTIONS init_command).
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

cat >"$work/copy.py" <<'PY'
import sys
import apsw

folder = sys.argv[1]
site = apsw.Connection(f"{folder}/site.db")
site.execute("PRAGMA journal_mode = wal; CREATE TABLE orders (n); INSERT INTO orders VALUES (1)")
with apsw.Connection(f"{folder}/backup.db").backup("main", site, "main") as copy:
    copy.step()
site.execute("VACUUM INTO ?", (f"{folder}/vacuum.db",))
for name in "backup", "vacuum":
    print(apsw.Connection(f"{folder}/{name}.db").execute("PRAGMA journal_mode").get)
PY
"$work/venv/bin/python" "$work/copy.py" "$work" >"$work/seen"
is "backup API:" "$(sed -n 1p "$work/seen")" wal
is "VACUUM INTO:" "$(sed -n 2p "$work/seen")" delete
