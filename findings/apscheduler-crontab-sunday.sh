#!/usr/bin/env bash
# APScheduler's from_crontab() runs "0 3 * * 0" on Mondays.
#
# APScheduler 3.11.3, croniter 7.0.0 (PyPI). Seen on 2026-11-29: the next run after Monday, 30 November 2026,
# noon is Monday, 7 December; croniter (and crontab(5), where 0 and 7 are Sunday) says Sunday, 6 December.
# "0 3 * * 7" is refused by APScheduler. Names ("sun") mean the same everywhere.
# For backups: the weekly full backup planned for Sunday's quiet hours runs in Monday's; monthly reports
# and "keep Sundays" rules then find none.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'apscheduler==3.11.3' 'croniter==7.0.0' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }

"$work/venv/bin/python" - <<'PY'
import sys
from datetime import datetime, timezone
from apscheduler.triggers.cron import CronTrigger
from croniter import croniter

now = datetime(2026, 11, 30, 12, tzinfo=timezone.utc)

def apscheduler(rule):
    return CronTrigger.from_crontab(rule, timezone=timezone.utc).get_next_fire_time(None, now)

ours, theirs, named = apscheduler("0 3 * * 0"), croniter("0 3 * * 0", now).get_next(datetime), apscheduler("0 3 * * sun")
print("APScheduler 0:  ", ours.strftime("%A %d %B"))
print("croniter 0:     ", theirs.strftime("%A %d %B"))
print("APScheduler sun:", named.strftime("%A %d %B"))
try:
    apscheduler("0 3 * * 7")
    refused = False
except ValueError as error:
    refused = True
    print("APScheduler 7:  ", error)
sys.exit((ours.weekday(), theirs.weekday(), named.weekday(), refused) != (0, 6, 6, True))
PY
