#!/usr/bin/env bash
# A write to S3 through django-storages that ends in an exception is published as a finished object.
#
# django-storages 1.14.6, Django 5.2.9, boto3 1.44.8, moto 5.2.5 as the S3 server (PyPI). Seen on 2026-11-29: in
# "with storage.open(name, 'wb') as file" the block writes half of the dump and raises; leaving it closes the file,
# which completes the upload: the object is there, listed, with half of the bytes. smart-open 9.0.2 in the same
# situation aborts: there is no object.
# For backups: a dump that failed in the middle is found at the destination under its right name.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'django==5.2.9' 'django-storages==1.14.6' 'boto3==1.44.8' 'botocore==1.44.8' \
  'smart-open==9.0.2' 'moto[server]==5.2.5' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }

"$work/venv/bin/python" - <<'PY'
import logging, sys
import boto3, smart_open
from django.conf import settings
from moto.server import ThreadedMotoServer

logging.disable()
settings.configure()
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
address = f"http://127.0.0.1:{port}"
keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
s3 = boto3.client("s3", endpoint_url=address, **keys)
s3.create_bucket(Bucket="bucket")

from storages.backends.s3 import S3Storage

storage = S3Storage(bucket_name="bucket", endpoint_url=address, access_key="any", secret_key="any",
                    region_name="us-east-1")
half = bytes(6 * 1024 * 1024)
for name, opened in (("by-django-storages", lambda name: storage.open(name, "wb")),
                     ("by-smart-open", lambda name: smart_open.open(f"s3://bucket/{name}", "wb",
                                                                    transport_params={"client": s3}))):
    try:
        with opened(name) as file:
            file.write(half)
            raise RuntimeError("pg_dump ended with 1")
    except RuntimeError:
        pass
found = {item["Key"]: item["Size"] for item in s3.list_objects_v2(Bucket="bucket").get("Contents", [])}
server.stop()
print("in the bucket:", found)
sys.exit(found != {"by-django-storages": len(half)})
PY
