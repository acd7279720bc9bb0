#!/usr/bin/env bash
# django-dbbackup's SqliteConnector loses tables and triggers whose SQL has more than one line, and says success.
#
# django-dbbackup 5.4.0, Django 5.2.9 (PyPI), SQLite of Python. Seen on 2026-11-29: the dump is right, the
# restore carries it out line by line; a table made by a migration's RunSQL over four lines and a trigger come
# back as UserWarnings ("incomplete input", "no such table"), with all rows of that table, exit 0.
# Django's own tables are one line each and come back.
# For backups: a drill must compare what is there, not the exit code.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'django==5.2.9' 'django-dbbackup==5.4.0' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }
mkdir -p "$work/site/shop" "$work/site/out"
cd "$work/site"
cat >settings.py <<'PY'
SECRET_KEY = "any"
INSTALLED_APPS = ["dbbackup", "shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "dbbackup": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": "out"}},
}
DBBACKUP_CONNECTORS = {"default": {"CONNECTOR": "dbbackup.db.sqlite.SqliteConnector"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PY
touch shop/__init__.py
cat >shop/models.py <<'PY'
from django.db import models


class Note(models.Model):
    text = models.TextField()
PY
export PYTHONPATH=. DJANGO_SETTINGS_MODULE=settings
django() { "$work/venv/bin/python" -m django "$@"; }

django migrate --run-syncdb -v0
"$work/venv/bin/python" - <<'PY'
import sqlite3

with sqlite3.connect("db.sqlite3") as site:
    site.executescript("""
CREATE TABLE stock (
  id integer PRIMARY KEY,
  left integer NOT NULL
);
INSERT INTO stock VALUES (1, 12);
INSERT INTO shop_note VALUES (1, 'hello');
CREATE TRIGGER note_stock AFTER INSERT ON shop_note
BEGIN
  UPDATE stock SET left = left - 1;
END;
""")
PY
django dbbackup -q -O out/site.sql
mv db.sqlite3 before.sqlite3
rc=0
django dbrestore -q --noinput -I out/site.sql 2>warnings || rc=$?
grep -o 'UserWarning: .*' warnings
echo "exit $rc"
names() { "$work/venv/bin/python" -c "
import sqlite3
rows = sqlite3.connect('$1').execute('SELECT name FROM sqlite_master WHERE name NOT LIKE ? ORDER BY 1', ['sqlite%'])
print(*(name for name, in rows))"; }
echo "before: $(names before.sqlite3)"
echo "after:  $(names db.sqlite3)"
[ "$rc" = 0 ] && [ "$(names before.sqlite3)" = "note_stock shop_note stock" ] && [ "$(names db.sqlite3)" = "shop_note" ]
