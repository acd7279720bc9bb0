#!/usr/bin/env bash
# cron-descriptor translates a schedule's sentence, but not the names of its days and months.
#
# cron-descriptor 2.2.1 (PyPI), Python 3.11. Seen on 2026-11-30: locale_code chooses the sentence's catalogue alone;
# the names come from Python's calendar module, which asks the process's locale. In a web server, whose locale is C
# or one for all, a German reader gets "nur am Monday" and "nur im March", a Turkish one "sadece Monday günü".
# For backups: a page that says in the reader's language when the next backup is due has to bring the names along.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'cron-descriptor==2.2.1' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }
is() { # what, seen, expected
  printf '%-24s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-30 it was: $3"; exit 1; }
}
say() { # language, cron line
  LC_ALL=C.UTF-8 "$work/venv/bin/python" - "$@" <<'PYTHON'
import sys
from cron_descriptor import ExpressionDescriptor, Options

options = Options()
options.locale_code, options.use_24hour_time_format = sys.argv[1], True
print(ExpressionDescriptor(sys.argv[2], options).get_description())
PYTHON
}

is "German, a weekday" "$(say de_DE '0 4 * * 1')" "Um 04:00, nur am Monday"
is "German, a month" "$(say de_DE '0 4 1 3 *')" "Um 04:00, am 1 Tag des Monats, nur im March"
is "Turkish, a weekday" "$(say tr_TR '0 4 * * 1')" "Saat 04:00, sadece Monday günü"
