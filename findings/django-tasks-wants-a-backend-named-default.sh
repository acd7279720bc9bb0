#!/usr/bin/env bash
# A site that names only its own task backend cannot import any app with an ordinary @task().
#
# django-tasks 0.12.0, Django 5.2.9 (PyPI). Seen on 2026-11-29: TASKS = {"backups": ...} and no "default":
# @task(backend="backups") is fine, importing a module with @task() raises InvalidTaskBackendError ("The connection
# 'default' doesn't exist"), whether or not anybody enqueues it. Without any TASKS there is a default, and it works.
# For backups: "add a backend for backups" breaks other apps of the site at start; the page that says so must
# say to keep "default".
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'django==5.2.9' 'django-tasks==0.12.0' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }
cd "$work"
is() { # what, seen, expected
  printf '%-34s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-29 it was: $3"; exit 1; }
}
cat >nightly.py <<'PY'
from django_tasks import task


@task(backend="backups")
def back_up():
    pass
PY
cat >newsletter.py <<'PY'
from django_tasks import task


@task()
def send():
    pass
PY
imported() { # TASKS, module
  "$work/venv/bin/python" - "$2" 2>&1 <<PY | tail -1
import importlib
import sys

import django
from django.conf import settings

settings.configure(INSTALLED_APPS=["django_tasks"], **$1)
django.setup()
importlib.import_module(sys.argv[1])
print("imported")
PY
}
ours='{"TASKS": {"backups": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}}'
is "no TASKS, @task():" "$(imported '{}' newsletter)" "imported"
is "backups alone, its own task:" "$(imported "$ours" nightly)" "imported"
is "backups alone, @task():" "$(imported "$ours" newsletter)" \
  "django_tasks.exceptions.InvalidTaskBackendError: The connection 'default' doesn't exist."
