#!/usr/bin/env bash
# One table whose history goes by transactions, and mariadb-dump --dump-history dumps nothing after it.
#
# mariadb-dump and MariaDB 10.11.19 (Debian 12). Seen on 2026-12-01: a system-versioned table with ROW START and ROW
# END of type BIGINT UNSIGNED ("transaction-precise") ends the dump with exit 6 and "Cannot use --dump-history for
# table ... with transaction-precise history"; tables that come after it by name are missing from the file. Without
# the option the dump is whole, exit 0, with the current rows alone of every versioned table, and no word about it.
# For backups: the option that saves histories ends the backup of a whole site; look at the columns' types first.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

is() { # what, seen, expected
  printf '%-46s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-12-01 it was: $3"; exit 1; }
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
  --skip-networking >server.log 2>&1 &
server=$!
sql() { mariadb --no-defaults -N -B -S "$work/socket" -uroot "$@"; } # database is an argument
dump() { mariadb-dump --no-defaults -S "$work/socket" "$@"; }
for _ in $(seq 300); do sql -e "SELECT 1" >ready.log 2>&1 && break; sleep 0.2; done

sql -e "CREATE DATABASE shop; CREATE DATABASE copy"
sql shop -e "
  CREATE TABLE prices (euro int, since bigint unsigned GENERATED ALWAYS AS ROW START,
    until bigint unsigned GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (since, until)) WITH SYSTEM VERSIONING;
  CREATE TABLE users (name text) WITH SYSTEM VERSIONING;
  INSERT INTO prices (euro) VALUES (1);
  INSERT INTO users VALUES ('old');
  UPDATE users SET name = 'new'"
dump -uroot --dump-history shop >shop.sql 2>dump.log && code=0 || code=$?
is "dump with --dump-history, exit:" "$code" "6"
is "its reason:" "$(grep -o 'transaction-precise history' dump.log)" "transaction-precise history"
is "the table after it is in the file:" "$(grep -c 'CREATE TABLE .users.' shop.sql || true)" "0"
dump -uroot shop 2>&1 | sql copy
is "without it, rows of the other table:" "$(sql copy -e 'SELECT count(*) FROM users FOR SYSTEM_TIME ALL')" "1"
is "where there were, with the former ones:" "$(sql shop -e 'SELECT count(*) FROM users FOR SYSTEM_TIME ALL')" "2"
