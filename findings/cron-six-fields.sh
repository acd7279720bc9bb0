#!/usr/bin/env bash
# A rule of six fields has its seconds first for cronsim and last for croniter.
#
# cronsim 2.8, croniter 7.0.0 (PyPI). Seen on 2026-11-29: "0 15 2 * * 1" is Mondays 02:15:00 to cronsim; to
# croniter it is minute 0, hour 15, day 2, second 1, so the 2nd of each month at 15:00:01. Both take it.
# For backups: a schedule typed with seconds is valid on the form that checks with one library and becomes
# another day and hour in the worker that runs with the other.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'cronsim==2.8' 'croniter==7.0.0' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }

"$work/venv/bin/python" - <<'PY'
import sys
from datetime import datetime
from croniter import croniter
from cronsim import CronSim

rule, now = "0 15 2 * * 1", datetime(2026, 11, 29, 12)
sim, it = next(CronSim(rule, now)), croniter(rule, now).get_next(datetime)
print(f"{rule!r}: cronsim {sim:%a %d %b %H:%M:%S}, croniter {it:%a %d %b %H:%M:%S}")
sys.exit((sim, it) != (datetime(2026, 11, 30, 2, 15), datetime(2026, 12, 2, 15, 0, 1)))
PY
