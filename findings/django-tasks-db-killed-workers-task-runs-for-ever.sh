#!/usr/bin/env bash
# A task whose django-tasks-db worker was killed stays RUNNING for ever; no later worker takes or fails it.
#
# django-tasks-db 0.13.0, django-tasks 0.12.0, Django 5.2.9 (PyPI). Seen on 2026-11-29: db_worker is ended by
# SIGKILL (out of memory, a deploy) in the middle of a task. A second db_worker --batch ends at once, the row says
# RUNNING, with no time limit and no heartbeat; get_result() says so to whoever waits.
# For backups: "a backup is under way" never ends, and a guard against two at once refuses the next for ever.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'django==5.2.9' 'django-tasks==0.12.0' 'django-tasks-db==0.13.0' >"$work/pip.log" 2>&1 ||
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
INSTALLED_APPS = ["django_tasks_db", "shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
PY
cat >shop/tasks.py <<'PY'
import pathlib, time
from django_tasks import task


@task()
def back_up():
    pathlib.Path("begun").touch()
    time.sleep(600)
PY
export PYTHONPATH=. DJANGO_SETTINGS_MODULE=settings
django() { "$work/venv/bin/python" -m django "$@"; }
state() { django shell -v0 -c "from django_tasks_db.models import DBTaskResult as T; print(T.objects.get().status)"; }
django migrate -v0
django shell -v0 -c "from shop.tasks import back_up; back_up.enqueue()"
"$work/venv/bin/python" -m django db_worker >"$work/worker.log" 2>&1 &
worker=$!
for _ in $(seq 300); do [ -e begun ] && break; sleep 0.2; done
[ -e begun ] || { cat "$work/worker.log"; exit 2; }
kill -9 "$worker"
wait "$worker" 2>/dev/null || true
is "after the worker was killed:" "$(state)" RUNNING
django db_worker --batch >"$work/worker2.log" 2>&1
is "after another worker looked for work:" "$(state)" RUNNING
