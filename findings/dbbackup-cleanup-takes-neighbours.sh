#!/usr/bin/env bash
# django-dbbackup's --clean of "default" deletes the last backup of "default_archive".
#
# django-dbbackup 5.4.0, Django 5.2.9 (PyPI). Seen on 2026-11-29: the clean-up takes every file whose name
# *contains* the database's alias. With DBBACKUP_CLEANUP_KEEP = 2, one backup of default_archive and two of
# default made after it, "dbbackup -d default --clean" leaves default's two and none of default_archive's.
# For backups: an alias that is part of another one (shop, shop2), or of the host's name, loses data.
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
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"},
    "default_archive": {"ENGINE": "django.db.backends.sqlite3", "NAME": "archive.sqlite3"},
}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "dbbackup": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": "out"}},
}
DBBACKUP_CLEANUP_KEEP = 2
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
django dbbackup -q -d default_archive
for _ in 1 2; do
  sleep 1.1 # names have seconds
  django dbbackup -q -d default --clean
done
ls out
archive=$(find out -name 'default_archive*.sqlite3' | wc -l)
echo "backups of default_archive left: $archive"
[ "$archive" = 0 ]
