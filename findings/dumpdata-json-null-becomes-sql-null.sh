#!/usr/bin/env bash
# dumpdata and loaddata turn a JSON null into SQL's NULL: other rows are found, or the load fails.
#
# Django 5.2.9 (PyPI), SQLite. Seen on 2026-11-29: a JSONField holds JSON's null in one row (Value(None, JSONField()))
# and SQL's NULL in another; the fixture says null for both, as JSON and as XML. After loaddata both are SQL's NULL:
# filter(payload__isnull=True) finds two rows where it found one. A JSONField without null=True that holds JSON's null
# can't be loaded at all: NOT NULL constraint failed. For backups: a fixture is no copy of a database.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'django==5.2.9' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }
mkdir -p "$work/site/shop"
cd "$work/site"
cat >settings.py <<'PY'
SECRET_KEY = "any"
INSTALLED_APPS = ["shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PY
touch shop/__init__.py
cat >shop/models.py <<'PY'
from django.db import models


class Event(models.Model):
    payload = models.JSONField(null=True)


class Answer(models.Model):
    payload = models.JSONField()
PY
export PYTHONPATH=. DJANGO_SETTINGS_MODULE=settings
django() { "$work/venv/bin/python" -m django "$@"; }
is() { # what, seen, expected
  printf '%-40s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-29 it was: $3"; exit 1; }
}
ask() { # how many rows hold SQL's NULL, how many JSON's null
  django shell -v0 -c "from shop.models import Event
from django.db.models import JSONField, Value
print(Event.objects.filter(payload__isnull=True).count(), Event.objects.filter(payload=Value(None, JSONField())).count())"
}

django migrate --run-syncdb -v0
django shell -v0 -c "from shop.models import Answer, Event
from django.db.models import JSONField, Value
Event.objects.create(payload=Value(None, JSONField()))
Event.objects.create(payload=None)
Answer.objects.create(payload=Value(None, JSONField()))"
is "SQL's NULL, JSON's null before:" "$(ask)" "1 1"
for format in json xml; do
  django dumpdata shop.event --format "$format" -o "events.$format"
  django loaddata "events.$format" -v0
  is "after dumpdata and loaddata as $format:" "$(ask)" "2 0"
  django shell -v0 -c "from shop.models import Event
from django.db.models import JSONField, Value
Event.objects.filter(pk=1).update(payload=Value(None, JSONField()))"
done
django dumpdata shop.answer -o answers.json
if django loaddata answers.json >loaded.log 2>&1; then loaded="loaded"; else loaded=$(grep -o 'NOT NULL constraint failed: shop_answer.payload' loaded.log | head -1); fi
is "a field that must not be NULL:" "$loaded" "NOT NULL constraint failed: shop_answer.payload"
