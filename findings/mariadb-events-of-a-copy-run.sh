#!/usr/bin/env bash
# Events of a dump that is loaded into a scratch schema start to run there, and reach the live tables they name.
#
# mariadb-dump and MariaDB 10.11.19 (Debian 12). Seen on 2026-11-29: an event "every second", ENABLED at the source and naming
# shop.log with its schema, is loaded into shop_check with the rest of the dump: from then on the live table gets
# the copy's rows, too, even where the live event has been switched off since. Nothing says so on dump or load.
# For backups: a drill on the live server doubles the nightly clean-ups and mails; load without --events.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

is() { # what, seen, expected
  printf '%-46s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-29 it was: $3"; exit 1; }
}

work=$(mktemp -d)
finish() {
  [ -z "${server:-}" ] || { kill "$server"; wait "$server"; } 2>>"$work/stop.log" || true
  rm -rf "$work"
}
trap finish EXIT
cd "$work"
for package in mariadb-server mariadb-server-core mariadb-client mariadb-client-core libmariadb3; do
  apt-get download -q "$package=1:10.11.19-0+deb12u1" >>apt.log 2>&1 || { cat apt.log; exit 2; }
done
apt-get download -q libaio1 liburing2 libnuma1 libncurses6 >>apt.log 2>&1 || { cat apt.log; exit 2; }
for package in *.deb; do dpkg-deb -x "$package" unpacked; done
usr="$work/unpacked/usr"
export PATH="$usr/bin:$usr/sbin:$PATH" LD_LIBRARY_PATH="$usr/lib/x86_64-linux-gnu:$work/unpacked/lib/x86_64-linux-gnu"
mariadb-install-db --no-defaults --basedir="$usr" --datadir="$work/data" --user="$(id -un)" \
  --auth-root-authentication-method=normal --skip-test-db >install.log 2>&1 || { cat install.log; exit 2; }
mariadbd --no-defaults --basedir="$usr" --datadir="$work/data" --socket="$work/socket" --user="$(id -un)" \
  --skip-networking --event-scheduler=on >server.log 2>&1 &
server=$!
sql() { mariadb --no-defaults -N -B -S "$work/socket" -uroot "$@"; } # database is an argument
dump() { mariadb-dump --no-defaults -S "$work/socket" "$@"; }
for _ in $(seq 300); do sql -e "SELECT 1" >ready.log 2>&1 && break; sleep 0.2; done

sql -e "CREATE DATABASE shop; CREATE DATABASE shop_check"
sql shop <<'SQL'
CREATE TABLE log (schema_name varchar(64));
CREATE EVENT tick ON SCHEDULE EVERY 1 SECOND DO INSERT INTO shop.log SELECT EVENT_SCHEMA FROM
  (SELECT 'made in shop' AS EVENT_SCHEMA) AS origin;
SQL
dump -uroot --events shop >shop.sql
rows() { sql shop -e "SELECT count(*) FROM log"; }
sql shop -e "ALTER EVENT tick DISABLE"
sleep 2
before=$(rows)
sleep 3
is "rows made by the live event, disabled:" "$(($(rows) - before))" 0
sql shop_check <shop.sql
is "the copy's event:" "$(sql -e "SELECT STATUS FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'shop_check'")" ENABLED
for _ in $(seq 40); do [ "$(rows)" -gt "$before" ] && break; sleep 0.5; done
echo "rows in the live table since the copy was loaded: $(($(rows) - before))"
[ "$(rows)" -gt "$before" ]
