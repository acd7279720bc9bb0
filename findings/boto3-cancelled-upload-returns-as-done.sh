#!/usr/bin/env bash
# boto3: an upload whose progress callback cancels it with a BaseException returns as if done, and nothing is stored.
#
# boto3 1.44.8, s3transfer 0.19.3, moto 5.2.5 (PyPI). Seen on 2026-12-01: when the Callback of upload_fileobj raises
# what is no Exception (asyncio.CancelledError, SystemExit, gevent's Timeout), an upload of 30 MB returns without an
# error, and there is no such object; one of 1 kB is stored. A RuntimeError comes out. Its threads take only an
# Exception for a failure (s3transfer/tasks.py).
# For backups: cancel from a callback with an ordinary Exception, and ask the server for the object afterwards.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'moto[server]==5.2.5' 'boto3==1.44.8' 's3transfer==0.19.3' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }

timeout 120 "$work/venv/bin/python" - 2>"$work/server.log" <<'PY'
import asyncio
import io
import sys

import boto3
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


def upload(size, error):
    """What came of an upload that is cancelled when the first bytes have gone, and what is stored."""

    def cancel(_sent):
        raise error

    key = f"{size}-{error.__name__}"
    try:
        s3.upload_fileobj(io.BytesIO(bytes(size)), "backups", key, Callback=cancel)
        ended = "returned"
    except BaseException as came:
        ended = type(came).__name__
    stored = s3.list_objects_v2(Bucket="backups", Prefix=key)["KeyCount"]
    print(f"{size} bytes, cancelled by {error.__name__}: {ended}, {stored} object(s) stored")
    return ended, stored


try:
    s3.create_bucket(Bucket="backups")
    large = 30 << 20
    as_seen = (
        upload(large, asyncio.CancelledError) == ("returned", 0)
        and upload(large, SystemExit) == ("returned", 0)
        and upload(1000, asyncio.CancelledError)[0] == "returned"
        and upload(large, RuntimeError) == ("RuntimeError", 0)
    )
finally:
    server.stop()
sys.exit(not as_seen)
PY
