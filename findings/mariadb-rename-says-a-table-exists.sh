#!/usr/bin/env bash
# RENAME TABLE of a restored table into the live schema says that a table exists which does not.
#
# MariaDB 10.11.19 (Debian 12). Seen on 2026-11-29: fresh.lines cannot become shop.lines_restored: error 1050, "Table
# './shop/lines_restored' already exists". There is none; what exists is the foreign key lines_order of shop.lines,
# whose name the dump keeps and which is unique in a schema. With that key dropped from the copy it works.
# For backups: "bring one table back beside the live one" ends in a message that sends one the wrong way.
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
  --skip-networking >server.log 2>&1 &
server=$!
sql() { mariadb --no-defaults -N -B -S "$work/socket" -uroot "$@"; } # database is an argument
dump() { mariadb-dump --no-defaults -S "$work/socket" "$@"; }
for _ in $(seq 300); do sql -e "SELECT 1" >ready.log 2>&1 && break; sleep 0.2; done

sql -e "CREATE DATABASE shop; CREATE DATABASE fresh"
sql shop <<'SQL'
CREATE TABLE orders (id int PRIMARY KEY);
CREATE TABLE `lines` (order_id int, CONSTRAINT lines_order FOREIGN KEY (order_id) REFERENCES orders (id));
SQL
dump -uroot shop | sql fresh
sql -e 'RENAME TABLE fresh.`lines` TO shop.lines_restored' 2>messages || true
cat messages
is "number and name:" "$(grep -oE "1050|'./shop/lines_restored' already exists" messages | tr '\n' ' ')" \
  "1050 './shop/lines_restored' already exists "
is "tables of that name:" \
  "$(sql -e "SELECT count(*) FROM information_schema.TABLES WHERE TABLE_NAME = 'lines_restored'")" 0
sql -e 'ALTER TABLE fresh.`lines` DROP FOREIGN KEY lines_order; RENAME TABLE fresh.`lines` TO shop.lines_restored'
is "without the key, tables of that name:" \
  "$(sql -e "SELECT count(*) FROM information_schema.TABLES WHERE TABLE_NAME = 'lines_restored'")" 1
