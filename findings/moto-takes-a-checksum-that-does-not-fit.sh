#!/usr/bin/env bash
# moto's S3 server takes uploads whose MD5, SHA-256 or CRC32 does not fit: a test of damage on the way is green.
#
# moto 5.2.5, boto3 1.44.8 (PyPI). Seen on 2026-11-29: put_object and upload_part with the ContentMD5, ChecksumSHA256
# or ChecksumCRC32 of other content are answered with 200 and stored; S3 itself answers BadDigest.
# For backups: that a damaged upload is refused can't be tested with moto; put a proxy between that changes a byte
# and compare what is stored, or use another server.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'moto[server]==5.2.5' 'boto3==1.44.8' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }

"$work/venv/bin/python" - 2>"$work/server.log" <<'PY'
import base64
import hashlib
import sys
import zlib

import boto3
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
s3 = boto3.client(
    "s3",
    endpoint_url=f"http://{host}:{port}",
    aws_access_key_id="any",
    aws_secret_access_key="any",
    region_name="us-east-1",
)
other = b"other content"
sums = {
    "ContentMD5": hashlib.md5(other).digest(),
    "ChecksumSHA256": hashlib.sha256(other).digest(),
    "ChecksumCRC32": zlib.crc32(other).to_bytes(4, "big"),
}
taken = []
try:
    s3.create_bucket(Bucket="backups")
    for name, value in sums.items():
        try:
            wrong = {name: base64.b64encode(value).decode()}
            s3.put_object(Bucket="backups", Key=name, Body=b"the dump", **wrong)
            upload = s3.create_multipart_upload(Bucket="backups", Key=f"{name}-parts")["UploadId"]
            s3.upload_part(
                Bucket="backups", Key=f"{name}-parts", UploadId=upload, PartNumber=1, Body=b"the dump", **wrong
            )
            taken.append(name)
            print(f"a wrong {name}: taken, whole and as a part")
        except ClientError as error:
            print(f"a wrong {name}: {error}")
finally:
    server.stop()
sys.exit(taken != list(sums))
PY
