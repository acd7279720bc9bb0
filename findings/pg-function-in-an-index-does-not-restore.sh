#!/usr/bin/env bash
# An index on a function that names another one without its schema: the dump works, the restore loses the index.
#
# PostgreSQL 15 (Debian 12). Seen on 2026-11-29: f_unaccent(text), the widely copied immutable wrapper, calls
# unaccent($1); CREATE INDEX on it works on the site, pg_restore runs with an empty search_path and says 'function
# unaccent(text) does not exist', exit 1. The rows are there, the index is not. With public.unaccent($1) it restores.
# (PostgreSQL 17 and newer refuse such an index from the beginning, so an upgrade by dump meets it as well.)
# For backups: unique indexes of this kind are lost, too, and with --exit-on-error so is the restore.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

debian=/usr/lib/postgresql/15/bin
[ -x "$debian/postgres" ] || { echo "this one needs Debian's postgresql-15"; exit 2; }
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
export PATH="$debian:$PATH" PGHOST="$work/pg" PGUSER=postgres PGPORT=5432
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

for name in shop copy mended; do createdb "$name"; done
sql shop <<'SQL'
CREATE EXTENSION unaccent;
CREATE FUNCTION f_unaccent(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT unaccent($1)';
CREATE TABLE customer (name text);
INSERT INTO customer VALUES ('Ana');
CREATE INDEX customer_name ON customer (f_unaccent(name));
SQL
restore() { rc=0; pg_dump -Fc -f shop.dump shop; pg_restore -d "$1" shop.dump 2>messages || rc=$?; echo $rc; }
found() { sql "$1" -c "SELECT (SELECT count(*) FROM customer), (SELECT count(*) FROM pg_indexes WHERE tablename = 'customer')"; }
is "rows and indexes on the site:" "$(found shop)" "1|1"
is "pg_restore's exit:" "$(restore copy)" 1
grep 'ERROR' messages
is "rows and indexes in the copy:" "$(found copy)" "1|0"
sql shop -c "CREATE OR REPLACE FUNCTION f_unaccent(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT public.unaccent(\$1)'"
is "with the schema named, exit:" "$(restore mended)" 0
is "rows and indexes then:" "$(found mended)" "1|1"
