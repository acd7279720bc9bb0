#!/usr/bin/env bash
# A schedule that is run on some Mondays is told as "every 2 days, or on Monday".
#
# cron-descriptor 2.2.1 and cronsim 2.8 (PyPI), Python 3.11. Seen on 2026-11-30: where both day fields are restricted
# cron takes either, but a field that begins with a star counts as unrestricted (crontab(5) of Debian's cron says
# so), and cronsim follows: "0 4 */2 * 1" runs on Mondays with an odd date. cron-descriptor joins the two by "or"
# whatever the first begins with: its sentence promises some sixteen runs a month where there are two.
# For backups: tell such lines by themselves, or by their next times, which cannot be read otherwise.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'cron-descriptor==2.2.1' 'cronsim==2.8' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }
is() { # what, seen, expected
  printf '%-24s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-30 it was: $3"; exit 1; }
}
ask() { # cron line
  "$work/venv/bin/python" - "$1" <<'PYTHON'
import sys
from datetime import UTC, datetime

from cron_descriptor import ExpressionDescriptor, Options
from cronsim import CronSim

options = Options()
options.use_24hour_time_format = True
print(ExpressionDescriptor(sys.argv[1], options).get_description())
times = CronSim(sys.argv[1], datetime(2026, 6, 1, tzinfo=UTC))
print(" ".join(f"{next(times):%a-%d}" for _ in range(4)))
PYTHON
}

ask '0 4 */2 * 1' >"$work/star"
ask '0 4 1-31/2 * 1' >"$work/range"
is "*/2, in words" "$(sed -n 1p "$work/star")" "At 04:00, every 2 days, or on Monday"
is "*/2, its runs" "$(sed -n 2p "$work/star")" "Mon-01 Mon-15 Mon-29 Mon-13"
is "1-31/2, its runs" "$(sed -n 2p "$work/range")" "Mon-01 Wed-03 Fri-05 Sun-07"
