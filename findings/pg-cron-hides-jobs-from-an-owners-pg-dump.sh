#!/usr/bin/env bash
# Where pg_cron lives, the database's owner can't dump the database: row-level security on pg_cron's own table.
#
# PostgreSQL 15.20 and pg_cron 1.4.2 (Debian 12). Seen on 2026-11-30: cron.job is marked as configuration, so pg_dump
# takes its rows along, and each role sees its own jobs alone. pg_dump switches row security off, so the owner of
# the database, with USAGE on the schema cron as pg_cron's README says, is told "query would be affected by
# row-level security policy for table "job"" and gets no dump at all. A superuser does.
# For backups: give the role BYPASSRLS, or leave the rows of its tables out (--exclude-table-data='cron.*').
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
is() { # what, seen, expected
  printf '%-46s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-30 it was: $3"; exit 1; }
}

# A copy of the server that finds its extensions beside itself: nothing is installed into the machine.
cd "$work"
apt-get download -q postgresql-15 postgresql-client-15 postgresql-15-cron \
  >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in *.deb; do dpkg-deb -x "$package" root; done
export PATH="$work/root/usr/lib/postgresql/15/bin:$PATH" PGHOST="$work/pg" PGUSER=postgres PGPORT=5432
mkdir "$work/pg"
[ "$(id -u)" -ne 0 ] || chown 65534:65534 "$work/pg"
"${as[@]}" initdb -D "$work/pg/data" -U postgres -A trust -E UTF8 --no-locale -N >"$work/initdb.log" ||
  { cat "$work/initdb.log"; exit 2; }
"${as[@]}" pg_ctl -D "$work/pg/data" -l "$work/pg/log" -w -o "-k $work/pg -c listen_addresses='' -c fsync=off \
-c shared_preload_libraries=pg_cron -c cron.database_name=shop" start >"$work/start.log" ||
  { cat "$work/pg/log"; exit 2; }
sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; } # database is the first argument

createuser owner
createdb -O owner shop
sql shop -c "CREATE EXTENSION pg_cron" -c "GRANT USAGE ON SCHEMA cron TO owner"
PGUSER=owner sql shop -c "CREATE TABLE orders AS SELECT 1 AS n"
dump() { # role, more options
  PGUSER=$1 pg_dump -Fc -f "$work/dump" "${@:2}" shop 2>&1 | sed -n 's/.*ERROR:  *//p; $ { /ERROR/! s/.*// }' | head -1
}
is "pg_dump by the owner:" "$(dump owner)" 'query would be affected by row-level security policy for table "job"'
is "by a superuser:" "$(dump postgres)" ""
is "by the owner, without its tables' rows:" "$(dump owner '--exclude-table-data=cron.*')" ""
is "that has the table:" "$(pg_restore -l "$work/dump" | grep -c 'TABLE public orders')" 1
