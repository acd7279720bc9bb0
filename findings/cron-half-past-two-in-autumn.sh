#!/usr/bin/env bash
# "30 2 * * *" runs twice on the night the clock goes back with croniter and APScheduler, once with cronsim.
#
# croniter 7.0.0, APScheduler 3.11.3, cronsim 2.8 (PyPI), Europe/Berlin, 2026-10-25. Seen on 2026-11-29:
# croniter and APScheduler give 02:30 +02:00 and an hour later 02:30 +01:00; cronsim only the first.
# For backups: a nightly run counted by one library and carried out by another is "missed" or "too early"
# once a year, and a rule that keeps the last N nights loses one of them.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'croniter==7.0.0' 'cronsim==2.8' 'apscheduler==3.11.3' 'tzdata==2025.2' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }

"$work/venv/bin/python" - <<'PY'
import sys
from datetime import datetime
from zoneinfo import ZoneInfo
from apscheduler.triggers.cron import CronTrigger
from croniter import croniter
from cronsim import CronSim

berlin = ZoneInfo("Europe/Berlin")
noon = datetime(2026, 10, 24, 12, tzinfo=berlin)
rule = "30 2 * * *"
seen = {}
it = croniter(rule, noon)
seen["croniter"] = [it.get_next(datetime) for _ in range(3)]
sim = CronSim(rule, noon)
seen["cronsim"] = [next(sim) for _ in range(3)]
trigger, last = CronTrigger.from_crontab(rule, timezone=berlin), None
seen["APScheduler"] = []
for _ in range(3):
    last = trigger.get_next_fire_time(last, last or noon)
    seen["APScheduler"].append(last)
runs = {}
for name, times in seen.items():
    runs[name] = sum(t.day == 25 for t in times)
    print(f"{name:12} on the 25th: {runs[name]}:", ", ".join(t.isoformat() for t in times if t.day == 25))
sys.exit(runs != {"croniter": 2, "cronsim": 1, "APScheduler": 2})
PY
