#!/usr/bin/env bash
# dbrestore into a SQLite database in WAL mode that a worker has open restores nothing, and says success.
#
# django-dbbackup 5.4.0 with its default connector, Django 5.2.9 (PyPI), SQLite of Python. Seen on 2026-11-29:
# backup with 1 note, then 5 more, then dbrestore with exit 0: there are 6 notes, and PRAGMA integrity_check says
# ok. The file is overwritten, but its -wal beside it is still the newer truth and is read over it. With nobody
# else connected the same restore brings 1 note back.
# For backups: count after a restore; replace a SQLite database by its backup API, or with the -wal gone.
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
cat >restore.py <<'PY'
import sqlite3, sys
import django

django.setup()
from django.core.management import call_command
from django.db import connection
from shop.models import Note

keep_open = sys.argv[1] == "open"
Note.objects.all().delete()
worker = sqlite3.connect("db.sqlite3", isolation_level=None)
worker.execute("PRAGMA journal_mode = wal").fetchall()
Note.objects.create(text="in the backup")
call_command("dbbackup", output_path=f"out/{sys.argv[1]}.sqlite3", quiet=True)
for number in range(5):
    Note.objects.create(text=f"newer {number}" * 100)
if not keep_open:
    worker.close()
    connection.close()
call_command("dbrestore", input_path=f"out/{sys.argv[1]}.sqlite3", interactive=False, quiet=True)
print(Note.objects.count())
PY
closed=$("$work/venv/bin/python" restore.py closed)
opened=$("$work/venv/bin/python" restore.py open)
echo "notes in the backup: 1; after dbrestore with nobody connected: $closed; with a worker connected: $opened"
[ "$closed" = 1 ] && [ "$opened" = 6 ]
