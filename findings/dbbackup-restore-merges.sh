#!/usr/bin/env bash
# django-dbbackup's SqliteConnector merges a backup into what is there: rows made since the backup survive.
#
# django-dbbackup 5.4.0, Django 5.2.9 (PyPI). Seen on 2026-11-29: the backup has note 1; note 2 is made, then
# dbrestore ends with 0 and both are there: INSERT OR REPLACE into the existing tables, nothing is emptied.
# For backups: going back to last night brings a database that never existed; the other connectors replace.
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
notes() { django shell -v0 -c "from shop.models import Note; print(*Note.objects.values_list('text', flat=True))"; }
django shell -v0 -c "from shop.models import Note; Note.objects.create(text='backed-up')"
django dbbackup -q -O out/site.sql
django shell -v0 -c "from shop.models import Note; Note.objects.create(text='made-since')"
django dbrestore -q --noinput -I out/site.sql
echo "after the restore: $(notes)"
[ "$(notes)" = "backed-up made-since" ]
