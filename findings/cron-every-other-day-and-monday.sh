#!/usr/bin/env bash
# "0 3 */2 * 1" is odd days *or* Mondays to croniter, odd days *and* Mondays to cronsim and celery.
#
# croniter 7.0.0, cronsim 2.8, celery 5.7.0 (PyPI). Seen on 2026-11-29: in December 2026 croniter runs on 18
# days, cronsim and celery on 2 (the 7th and the 21st). crontab(5) joins two restricted day fields by "or",
# unless one *begins with a star*; croniter does not take "*/2" for such a star. With "1-31/2" in place of
# "*/2" cronsim agrees with croniter, celery still joins by "and".
# For backups: the page that tells the next run and the worker that carries it out must use one library.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'croniter==7.0.0' 'cronsim==2.8' 'celery==5.7.0' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }

"$work/venv/bin/python" - <<'PY'
import sys
from datetime import datetime, timedelta, timezone
from celery.schedules import crontab
from croniter import croniter
from cronsim import CronSim

start = datetime(2026, 12, 1) - timedelta(seconds=1)

def days(times):
    found = set()
    for time in times:
        if time.month != 12:
            return found
        found.add(time.day)

def by_croniter(rule):
    it = croniter(rule, start)
    return days(iter(lambda: it.get_next(datetime), None))

def by_celery(day_of_month):
    rule = crontab(minute=0, hour=3, day_of_month=day_of_month, day_of_week=1)
    found, time = set(), start.replace(tzinfo=timezone.utc)
    while True:
        last, wait, _ = rule.remaining_delta(time, tz=timezone.utc)
        time = last + wait
        if time.month != 12:
            return found
        found.add(time.day)

seen = {}
for field in ("*/2", "1-31/2"):
    rule = f"0 3 {field} * 1"
    seen[field] = [len(by_croniter(rule)), len(days(CronSim(rule, start))), len(by_celery(field))]
    print(f"{rule:14} runs in December: croniter {seen[field][0]}, cronsim {seen[field][1]}, celery {seen[field][2]}")
sys.exit(seen != {"*/2": [18, 2, 2], "1-31/2": [18, 18, 2]})
PY
