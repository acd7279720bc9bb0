#!/usr/bin/env bash
# mariadb-dump rounds FLOAT columns to six digits.
#
# mariadb-dump and MariaDB 10.11.19 (Debian 12). Seen on 2026-11-29: 16777215 in a FLOAT column (which holds it exactly) is
# 16777200 after dump and load, exit 0; CHECKSUM TABLE differs. DOUBLE comes back as it was. Django's FloatField is
# DOUBLE; FLOAT comes from tables made elsewhere.
# For backups: each restore changes such values, and a check by fingerprint calls each good backup bad.
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

sql -e "CREATE DATABASE shop; CREATE DATABASE copy"
sql shop -e "CREATE TABLE sensor (single float, two double); INSERT INTO sensor VALUES (16777215, 16777215.123456)"
dump -uroot shop | sql copy
values() { sql "$1" -e "SELECT CAST(single AS DOUBLE), two FROM sensor" | tr '\t' ' '; }
is "original:" "$(values shop)" "16777215 16777215.123456"
is "after dump and load:" "$(values copy)" "16777200 16777215.123456"
