#!/usr/bin/env bash
# The web shop from nothing to a verified backup and a plan that has run; all of it lost, and back;
# then served until Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."

port=${PORT:-8000}
export DJANGO_RUNSERVER_HIDE_WARNING=true

title() { printf '\n==> %s\n' "$*"; }
if [ -t 1 ]; then
    title() { printf '\n\033[1m==> %s\033[0m\n' "$*"; }
fi

stop() {
    printf '\nStopped.\n'
    exit 0
}
trap stop INT TERM

manage() { .venv/bin/python manage.py "$@"; }

serve=1
if [ "${DEMO_SERVE:-1}" = 0 ]; then serve=0; fi

if [ $serve = 1 ]; then .venv/bin/python scripts/demo_checks.py port "$port"; fi
case ${DATABASE_URL:-} in
    postgres*)
        scripts/setup.sh packages "make demo" pg_dump
        .venv/bin/python scripts/demo_checks.py database
        ;;
esac

# The first backup would make it; until then the system checks warn that it is missing.
install -d -m 0700 "${TRUSTBACKUP_ROOT:-backups}"

title "The web shop: tables, sample data, an administrator"
manage migrate --verbosity 0
manage load_sample_data
manage create_demo_admin

title "A backup"
manage create_backup

title "Is it whole, and does it restore?"
manage verify_backup latest
manage verify_backup latest --restore

title "A plan, which makes one each night from now on, and one at once"
manage list_plans --switch-on nightly
manage backup_all

title "Everything together: the database, the product pictures, the settings"
manage create_backup --type full
manage verify_backup latest --restore

title "All of it is lost, and comes back in one command"
manage lose_everything --yes
manage restore_backup latest --force
manage release_restore --yes 2>/dev/null || true

title "All backups"
manage list_backups

if [ $serve = 0 ]; then exit 0; fi

manage run_scheduled_backups --loop >/dev/null &
scheduler=$!
trap 'kill "$scheduler" 2>/dev/null || true' EXIT

title "http://127.0.0.1:$port/  (admin: http://127.0.0.1:$port/admin/, Ctrl-C ends it)"
.venv/bin/python manage.py runserver "127.0.0.1:$port" --noreload >/dev/null
