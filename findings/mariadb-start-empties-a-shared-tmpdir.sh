#!/usr/bin/env bash
# A MariaDB server that starts removes other servers' temporary tables from the folder for temporary files.
#
# MariaDB 10.11.19 (Debian 12). Seen on 2026-12-01: two servers of one user with the same tmpdir (/tmp, where nobody says
# otherwise). While the first one is at work, the second starts and removes every file there that begins with "#sql", the
# first one's Aria tables among them. The first one's query over information_schema then ends with "Error on delete of
# '/tmp/#sql-temptable-….MAI' (Errcode: 2)", and mariadb-dump, which asks such queries for each table, with error 6.
# For backups: a throw-away server for a drill on the live server's machine breaks the live one's dumps: give it a
# tmpdir of its own, to mariadb-install-db as well.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

is() { # what, seen, expected
  printf '%-46s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-12-01 it was: $3"; exit 1; }
}

work=$(mktemp -d)
finish() {
  for each in ${servers:-}; do kill "$each" && wait "$each"; done 2>>"$work/stop.log" || true
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
mkdir shared
for n in 1 2; do
  mkdir "own$n"
  mariadb-install-db --no-defaults --basedir="$usr" --datadir="$work/data$n" --user="$(id -un)" --tmpdir="$work/own$n" \
    --auth-root-authentication-method=normal --skip-test-db >install.log 2>&1 || { cat install.log; exit 2; }
done
start() { # number, folder for temporary files
  mariadbd --no-defaults --basedir="$usr" --datadir="$work/data$1" --socket="$work/socket$1" --user="$(id -un)" \
    --tmpdir="$2" --skip-networking >"server$1.log" 2>&1 &
  servers="${servers:-} $!"
  for _ in $(seq 300); do mariadb --no-defaults -S "$work/socket$1" -uroot -e "SELECT 1" >ready.log 2>&1 && return; sleep 0.2; done
  cat "server$1.log"; exit 2
}
start 1 "$work/shared"

# A temporary table on the disk, and a session that lives on.
exec 3> >(mariadb --no-defaults -S "$work/socket1" -uroot mysql >said 2>&1 || true)
echo "CREATE TEMPORARY TABLE kept (a int) ENGINE=Aria; INSERT INTO kept VALUES (1);" >&3
for _ in $(seq 100); do ls -A shared | grep -q '^#sql' && break; sleep 0.1; done
is "the first server's files there:" "$(ls -A shared | grep -c '^#sql')" "$(ls -A shared | wc -l)"
[ "$(ls -A shared | wc -l)" -gt 0 ] || { echo "no temporary table was made"; exit 2; }
start 2 "$work/shared"
is "after the second one has started:" "$(ls -A shared | grep -c '^#sql' || true)" 0
