#!/usr/bin/env bash
# mariadb-dump leaves out triggers and routines that its user may not see, and ends with 0 without a word.
#
# mariadb-dump and MariaDB 10.11.19 (Debian 12). Seen on 2026-11-29: a user with SELECT, LOCK TABLES and SHOW VIEW, as many backup
# recipes have it, gets --triggers --routines with neither a CREATE TRIGGER nor a CREATE FUNCTION in it; exit 0,
# stderr empty. With TRIGGER and SHOW CREATE ROUTINE granted both are there. (No EVENT right is an error.)
# For backups: a restored shop that no longer counts its stock; compare the names of objects, not the exit code.
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

sql -e "CREATE DATABASE shop"
sql shop <<'SQL'
CREATE TABLE orders (n int);
CREATE TABLE log (n int);
CREATE TRIGGER orders_log AFTER INSERT ON orders FOR EACH ROW INSERT INTO log VALUES (NEW.n);
CREATE FUNCTION vat(amount int) RETURNS int DETERMINISTIC RETURN amount * 19 / 100;
CREATE USER backup@localhost;
GRANT SELECT, LOCK TABLES, SHOW VIEW ON shop.* TO backup@localhost;
SQL
rc=0
dump -ubackup --triggers --routines shop >little.sql 2>messages || rc=$?
is "exit:" "$rc" 0
is "messages:" "$(cat messages)" ""
is "triggers and routines in the dump:" "$(grep -cE 'TRIGGER|FUNCTION' little.sql || true)" 0
sql -e "GRANT TRIGGER, SHOW CREATE ROUTINE ON shop.* TO backup@localhost" 2>messages ||
  sql -e "GRANT TRIGGER ON shop.* TO backup@localhost; GRANT SELECT ON mysql.proc TO backup@localhost"
dump -ubackup --triggers --routines shop >whole.sql
is "trigger, with the rights:" "$(grep -c 'TRIGGER .*orders_log' whole.sql)" 1
is "function, with the rights:" "$(grep -c 'FUNCTION .vat' whole.sql)" 1
