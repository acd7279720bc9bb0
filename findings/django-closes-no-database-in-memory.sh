#!/usr/bin/env bash
# close() of Django's connection to an SQLite database in memory does nothing, of a copy of it neither.
#
# Django 5.2.9 (PyPI), Python 3.11 with SQLite 3.40. Seen on 2026-11-30: connection.copy(), which is how one gets a
# second session on an alias, opens a connection of its own to a shared database in memory; its close() leaves that
# open, with its locks, and says nothing. A database in a file is closed. BaseDatabaseWrapper.close() closes both.
# For backups: a tool that opens a session beside the site's leaves one behind for each note that it makes; from
# Python 3.13 on each is a ResourceWarning in the tests of the site that uses it.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'django==5.2.9' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }
is() { # what, seen, expected
  printf '%-46s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-30 it was: $3"; exit 1; }
}

cat >"$work/close.py" <<'PY'
import sys
import django
from django.conf import settings

settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1]}})
django.setup()
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

connection.ensure_connection()
copy = connection.copy()
copy.ensure_connection()
raw = copy.connection
assert raw is not connection.connection

def state():
    try:
        raw.execute("SELECT 1")
    except Exception:
        return "closed"
    return "open"

copy.close()
print(state())
BaseDatabaseWrapper.close(copy)
print(state())
PY
seen() { "$work/venv/bin/python" "$work/close.py" "$1" | paste -sd' '; }
is "a file, behind close():" "$(seen "$work/db.sqlite3")" "closed closed"
is "in memory, behind close() and its base's:" "$(seen 'file:memory?mode=memory&cache=shared')" "open closed"
