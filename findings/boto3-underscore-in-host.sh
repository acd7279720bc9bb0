#!/usr/bin/env bash
# boto3 refuses the address of an S3 server whose host name has an underscore, as compose services often have.
#
# boto3 1.44.8, botocore 1.44.8 (PyPI). Seen on 2026-11-29: client("s3", endpoint_url="http://my_minio:9000")
# raises ValueError "Invalid endpoint: http://my_minio:9000" before anything is sent. "my-minio" is taken.
# The name of a compose service is a host name there, and may have one.
# For backups: it is a ValueError, not a BotoCoreError, so code that catches the SDK's errors lets it through.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'boto3==1.44.8' 'botocore==1.44.8' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }

"$work/venv/bin/python" - <<'PY'
import sys
import boto3, botocore.exceptions

def client(address):
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=address, **keys)

print("my-minio:", client("http://my-minio:9000").meta.endpoint_url)
try:
    print("changed: my_minio:", client("http://my_minio:9000").meta.endpoint_url)
    sys.exit(1)
except ValueError as error:
    ours = isinstance(error, botocore.exceptions.BotoCoreError)
    print("my_minio:", repr(error), "a BotoCoreError:", ours)
    sys.exit(ours)
PY
