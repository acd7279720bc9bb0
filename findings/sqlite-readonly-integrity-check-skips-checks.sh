#!/usr/bin/env bash
# PRAGMA integrity_check on a read-only connection does not look at CHECK constraints.
#
# SQLite 3.54.1 (apsw 3.54.1.0, PyPI). Seen on 2026-11-29: a row that breaks a CHECK (written while PRAGMA
# ignore_check_constraints was on) is told by a writable connection as "CHECK constraint failed in orders"; the
# same file opened with mode=ro, or with PRAGMA query_only... of a writable one, says "ok" in the first case only.
# For backups: checking a copy read-only, as one should, checks less; open a throw-away copy writable.
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

cat >"$work/check.py" <<'PY'
import sys
import apsw

path = sys.argv[1]
site = apsw.Connection(path)
site.execute("CREATE TABLE orders (n int CHECK (n > 0)); PRAGMA ignore_check_constraints = on; INSERT INTO orders VALUES (-1)")
site.close()
writable = apsw.Connection(path)
print(writable.execute("PRAGMA integrity_check").get)
writable.execute("PRAGMA query_only = on")
print(writable.execute("PRAGMA integrity_check").get)
print(apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY).execute("PRAGMA integrity_check").get)
PY
"$work/venv/bin/python" "$work/check.py" "$work/site.db" >"$work/seen"
is "writable:" "$(sed -n 1p "$work/seen")" "CHECK constraint failed in orders"
is "writable, query_only:" "$(sed -n 2p "$work/seen")" "CHECK constraint failed in orders"
is "read-only:" "$(sed -n 3p "$work/seen")" ok
