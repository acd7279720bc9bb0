#!/usr/bin/env bash
# call_command("dbbackup") closes the caller's database connection: a transaction around it is lost.
#
# django-dbbackup 5.4.0, Django 5.2.9 (PyPI). Seen on 2026-11-29: inside transaction.atomic() the next query
# raises ProgrammingError "Cannot operate on a closed database", and what was written before is rolled back.
# The command itself ends well and its backup is there.
# For backups: a backup "just before the risky step" of a view with ATOMIC_REQUESTS, or of a migration's
# RunPython, breaks just that; run it in a process of its own.
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
"$work/venv/bin/python" - <<'PY'
import os, sys
import django

django.setup()
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction
from shop.models import Note

try:
    with transaction.atomic():
        Note.objects.count()
        call_command("dbbackup", output_path="out/site.sqlite3", quiet=True)
        print("backup made:", os.path.exists("out/site.sqlite3"))
        Note.objects.create(text="the risky step")
    sys.exit("changed: the transaction went on")
except ProgrammingError as error:
    print(type(error).__name__ + ":", error)
connection.close()
print("notes:", Note.objects.count())
sys.exit(Note.objects.count() != 0)
PY
