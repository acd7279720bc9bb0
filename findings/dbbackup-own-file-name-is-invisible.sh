#!/usr/bin/env bash
# A backup made with "dbbackup -o NAME" is not seen by listbackups, dbrestore or the clean-up.
#
# django-dbbackup 5.4.0, Django 5.2.9 (PyPI). Seen on 2026-11-29: "dbbackup -o before-upgrade.sqlite3" ends with 0
# and writes the file; listbackups lists nothing, dbrestore says "There's no backup file available.". With an older
# dated one beside it, dbrestore silently takes that older one. Only names with a date of its format count.
# For backups: the restore of "the latest" is not the restore of the newest file.
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
note() { django shell -v0 -c "from shop.models import Note; Note.objects.create(text='$1')"; }
notes() { django shell -v0 -c "from shop.models import Note; print(*Note.objects.values_list('text', flat=True))"; }
note first
django dbbackup -q -o before-upgrade.sqlite3
listed=$(django listbackups -q | grep -c before-upgrade || true)
rc=0
django dbrestore -q --noinput 2>error || rc=$?
echo "in the folder: $(echo $(ls out)); listed: $listed; dbrestore exit $rc: $(tail -1 error)"
[ "$listed" = 0 ] && [ "$rc" != 0 ] && grep -q "no backup file available" error

django dbbackup -q
sleep 1.1
note second
django dbbackup -q -o before-upgrade-2.sqlite3
django dbrestore -q --noinput
echo "after two backups, restored: $(notes)"
[ "$(notes)" = "first" ]
