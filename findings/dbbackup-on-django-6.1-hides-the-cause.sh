#!/usr/bin/env bash
# On Django 6.1 each failure of django-dbbackup ends in an AttributeError of its own logger; no mail goes out.
#
# django-dbbackup 5.4.0, Django 6.1.3 and 5.2.9 (PyPI), Python 3.12 or newer. Seen on 2026-11-29: "dbbackup -d
# nosuch" says on 5.2 that the connection does not exist. On 6.1 the last line is "'DbbackupAdminEmailHandler' object
# has no attribute 'connection'": its mail handler calls a method that Django 6.1 no longer has.
# For backups: the one message that says why there was no backup tonight is replaced, and the mail to the admins lost.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

python=
for name in python3.14 python3.13 python3.12 python3; do
  "$name" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>&- && { python=$name; break; }
done
[ -n "$python" ] || { echo "this one needs Python 3.12 or newer"; exit 2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
is() { # what, seen, expected
  printf '%-46s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-29 it was: $3"; exit 1; }
}

cd "$work"
cat >settings.py <<'PY'
SECRET_KEY = "any"
INSTALLED_APPS = ["dbbackup"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "dbbackup": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": "out"}},
}
DBBACKUP_ADMINS = [("Operator", "operator@example.org")]
PY
for version in 5.2.9 6.1.3; do
  "$python" -m venv --without-pip "$version"
  "$python" -m pip --python "$version/bin/python" install -q --disable-pip-version-check \
    "django==$version" django-dbbackup==5.4.0 >pip.log 2>&1 || { cat pip.log; exit 2; }
  DJANGO_SETTINGS_MODULE=settings PYTHONPATH=. "$version/bin/python" -m django dbbackup -d nosuch >"$version.log" 2>&1 ||
    true
  echo "$version: $(tail -1 "$version.log")"
done
is "5.2.9, last line names the cause:" "$(tail -1 5.2.9.log | grep -c "'nosuch' doesn't exist" || true)" 1
is "6.1.3, last line is an AttributeError:" "$(tail -1 6.1.3.log | grep -c AttributeError || true)" 1
