#!/usr/bin/env bash
# dumpdata as JSON cuts times to milliseconds: two moments of a unique column become one and loaddata fails.
#
# Django 5.2.9 (PyPI). Seen on 2026-11-29: 12:00:00.123456 and .123999 come out as "12:00:00.123Z" both (JavaScript's
# precision); loaddata says "UNIQUE constraint failed". Without the constraint it loads two equal times. --format
# xml and yaml keep all six digits.
# For backups: a fixture is no exact copy; order by time, "changed since", and a comparison of rows differ.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'django==5.2.9' 'pyyaml==6.0.3' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }
is() { # what, seen, expected
  printf '%-46s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-29 it was: $3"; exit 1; }
}

mkdir -p "$work/site/shop"
cd "$work/site"
touch shop/__init__.py
cat >settings.py <<'PY'
SECRET_KEY = "any"
USE_TZ = True
INSTALLED_APPS = ["shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PY
cat >shop/models.py <<'PY'
from django.db import models


class Reading(models.Model):
    at = models.DateTimeField(unique=True)
PY
export PYTHONPATH=. DJANGO_SETTINGS_MODULE=settings
django() { "$work/venv/bin/python" -m django "$@"; }
django migrate --run-syncdb -v0
django shell -v0 -c "
from datetime import datetime, timezone
from shop.models import Reading
for micro in 123456, 123999:
    Reading.objects.create(at=datetime(2026, 11, 29, 12, 0, 0, micro, tzinfo=timezone.utc))"
for format in json xml yaml; do
  django dumpdata shop --format $format -o readings.$format >>dump.log
  echo "$format: $(echo $(grep -oE '12:00:00[.0-9]*' readings.$format))"
done
django flush --noinput -v0
load() { django loaddata "$1" -v0 2>messages && echo loaded || tail -1 messages | grep -o 'UNIQUE constraint failed'; }
is "loaddata of json:" "$(load readings.json)" "UNIQUE constraint failed"
is "loaddata of xml:" "$(load readings.xml)" loaded
is "loaddata of yaml:" "$(django flush --noinput -v0 && load readings.yaml)" loaded
