#!/usr/bin/env bash
# apprise 2 returns an object where version 1 returned False: "if sent is False" no longer sees a failure.
#
# apprise 2.2.0 and 1.9.4 (PyPI). Seen on 2026-11-29: notify() to a closed port returns
# <AppriseResult status='FAILURE' count=1>; "is False" and "== False" are both False, only bool() tells.
# 1.9.4 returns False itself. Nothing is raised in either.
# For backups: the message "the backup failed" is taken for sent by code written for version 1.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for version in 1.9.4 2.2.0; do
  python3 -m venv --without-pip "$work/$version"
  python3 -m pip --python "$work/$version/bin/python" install -q --disable-pip-version-check \
    "apprise==$version" >"$work/pip.log" 2>&1 ||
    { cat "$work/pip.log"; exit 2; }
done

cat >"$work/notify.py" <<'PY'
import logging, socket
import apprise

logging.disable()
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
sender = apprise.Apprise()
sender.add(f"json://127.0.0.1:{port}/")
sent = sender.notify("the backup failed")
print("is False:", sent is False, "== False:", sent == False, "bool:", bool(sent))  # noqa: E712
PY
old=$("$work/1.9.4/bin/python" "$work/notify.py")
new=$("$work/2.2.0/bin/python" "$work/notify.py")
echo "apprise 1.9.4: $old"
echo "apprise 2.2.0: $new"
[ "$old" = "is False: True == False: True bool: False" ]
[ "$new" = "is False: False == False: False bool: False" ]
