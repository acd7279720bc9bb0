#!/usr/bin/env bash
# A text that goes through dumpdata and loaddata as XML loses the white space at its ends and its carriage returns.
#
# Django 5.2.9 (PyPI). Seen on 2026-11-30: " a\r\nb " comes back as "a\nb". The deserializer strips every field, and
# the serializer writes a carriage return as it is, which an XML parser must read as a line feed (XML 1.0, 2.11);
# "&#13;" would keep it. Browsers send the lines of a textarea with "\r\n". --format json, jsonl and yaml keep the text.
# For backups: a fixture in XML is no exact copy of texts; say so, or read it with something else than loaddata.
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
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-30 it was: $3"; exit 1; }
}

mkdir -p "$work/site/shop"
cd "$work/site"
touch shop/__init__.py
cat >settings.py <<'PY'
SECRET_KEY = "any"
INSTALLED_APPS = ["shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PY
cat >shop/models.py <<'PY'
from django.db import models


class Note(models.Model):
    text = models.TextField()
PY
export PYTHONPATH=. DJANGO_SETTINGS_MODULE=settings
django() { "$work/venv/bin/python" -m django "$@"; }
django migrate --run-syncdb -v0
django shell -v0 -c 'from shop.models import Note; Note.objects.create(text=" a\r\nb ")'
for format in json jsonl yaml xml; do
  django dumpdata shop --format $format -o notes.$format >>dump.log
done
back() {
  django loaddata "notes.$1" -v0
  django shell -v0 -c 'from shop.models import Note; print(ascii(Note.objects.get().text))'
}
is "json:" "$(back json)" "' a\\r\\nb '"
is "jsonl:" "$(back jsonl)" "' a\\r\\nb '"
is "yaml:" "$(back yaml)" "' a\\r\\nb '"
is "xml:" "$(back xml)" "'a\\nb'"
