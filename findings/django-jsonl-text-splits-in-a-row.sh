#!/usr/bin/env bash
# serializers.deserialize("jsonl", text) can't read what serializers.serialize("jsonl", …) gave, where a text field
# holds U+2028, U+2029 or U+0085.
#
# Django 5.2.9 (PyPI). Seen on 2026-11-30: DeserializationError. The serializer leaves these characters as they are
# (ensure_ascii is off), and the deserializer takes a str apart by str.splitlines(), which ends lines at them; of a
# file it reads lines as the file has them, which is right. Texts pasted from web pages and PDFs hold U+2028.
# For backups: read such a fixture from a file, and split what is in memory at "\n" only.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check 'django==5.2.9' \
  >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }
is() { # what, seen, expected
  printf '%-46s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-30 it was: $3"; exit 1; }
}

cat >"$work/look.py" <<'PY'
import io
import sys

import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()
from django.contrib.auth.models import Group
from django.core import serializers
from django.core.management import call_command

call_command("migrate", verbosity=0)

text = serializers.serialize("jsonl", [Group(pk=1, name="a" + chr(int(sys.argv[1], 16)) + "b")])
source = io.StringIO(text) if sys.argv[2] == "file" else text
try:
    print(len(list(serializers.deserialize("jsonl", source))), "row")
except serializers.base.DeserializationError as error:
    print(type(error).__name__)
PY
look() { "$work/venv/bin/python" "$work/look.py" "$@"; }
for character in 2028 2029 85; do
  is "U+$character, given as text:" "$(look $character text)" DeserializationError
  is "U+$character, given as a file:" "$(look $character file)" "1 row"
done
is "U+0020, given as text:" "$(look 20 text)" "1 row"
