#!/usr/bin/env bash
# With gevent's monkey.patch_all() a descriptor is still open when os.close() has returned; so is what hangs on it.
#
# gevent 26.9.0 (PyPI), Python 3.11. Seen on 2026-11-30: once gevent's loop runs, os.close() of a pipe only notes the
# close for the loop's next turn (its docstring says "cooperates"; no word on when). Until then /proc has the
# descriptor and who reads the pipe waits. os.close() of a regular file is at once. One gevent.sleep() is enough.
# For backups: a program that is fed by a pipe does not see the end of its input while the code that closed it goes
# on without a turn of the loop, as one that then waits for that program by a system call: both wait for ever.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'gevent==26.9.0' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }
is() { # what, seen, expected
  printf '%-46s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-30 it was: $3"; exit 1; }
}

cat >"$work/close.py" <<'PY'
from gevent import monkey, sleep

monkey.patch_all()
import os, sys

def state(descriptor):
    return "open" if os.path.exists(f"/proc/self/fd/{descriptor}") else "closed"

sleep(0.001)  # the loop runs
file = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)
os.close(file)
print("file", state(file))
reader, writer = os.pipe()
os.set_blocking(reader, False)
os.close(writer)
print("pipe", state(writer))
read = monkey.get_original("os", "read")
try:
    print("reader", "end" if read(reader, 1) == b"" else "data")
except BlockingIOError:
    print("reader", "waits")
sleep(0.001)
print("later", state(writer), "end" if read(reader, 1) == b"" else "data")
PY
"$work/venv/bin/python" "$work/close.py" "$work/file" >"$work/seen"
is "a file, behind os.close():" "$(sed -n 's/^file //p' "$work/seen")" closed
is "a pipe, behind os.close():" "$(sed -n 's/^pipe //p' "$work/seen")" open
is "who reads the pipe:" "$(sed -n 's/^reader //p' "$work/seen")" waits
is "after a turn of the loop:" "$(sed -n 's/^later //p' "$work/seen")" "closed end"
