#!/usr/bin/env bash
# django-storages on Azure: a backup saved as x.dump.gz is read back unpacked, with another size and checksum.
#
# django-storages 1.14.6, azure-storage-blob 12.31.0, Django 5.2.16 (PyPI), Azurite 3.37.0 (npm). Seen on 2026-12-01:
# AzureStorage.save() guesses Content-Encoding: gzip from the name, size() is that of what was saved, and open().read()
# gives what is in it: the SDK unpacks by that header. The same bytes saved as x.dump come back as they were.
# For backups: give object_parameters with content_encoding None, or never compare what open() reads with a checksum.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
server=
trap 'test -z "$server" || kill "$server"; rm -rf "$work"' EXIT
{
  python3 -m venv --without-pip "$work/venv"
  python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
    'django-storages[azure]==1.14.6' 'azure-storage-blob==12.31.0' 'Django==5.2.16'
  npm install --silent --no-audit --no-fund --prefix "$work/node" azurite@3.37.0
} >"$work/setup.log" 2>&1 || { cat "$work/setup.log"; exit 2; }

port=$("$work/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
key=$(head -c 64 /dev/zero | base64 -w0)
AZURITE_ACCOUNTS="backups:$key" node "$work/node/node_modules/azurite/dist/src/blob/main.js" --silent \
  --location "$work/data" --blobHost 127.0.0.1 --blobPort "$port" --skipApiVersionCheck --disableTelemetry \
  >"$work/server.log" 2>&1 &
server=$!

"$work/venv/bin/python" - "$port" "$key" <<'PY'
import gzip
import socket
import sys
import time

from azure.storage.blob import BlobServiceClient
from django.conf import settings
from django.core.files.base import ContentFile

port, key = sys.argv[1:]
for _try in range(100):
    with socket.socket() as probe:
        if not probe.connect_ex(("127.0.0.1", int(port))):
            break
    time.sleep(0.2)
where = f"DefaultEndpointsProtocol=http;AccountName=backups;AccountKey={key};BlobEndpoint=http://127.0.0.1:{port}/backups"
with BlobServiceClient.from_connection_string(where) as client:
    client.create_container("site")
settings.configure(USE_TZ=True)
from storages.backends.azure_storage import AzureStorage

storage = AzureStorage(connection_string=where, azure_container="site")
dump = b"-- a dump\n" * 1000
packed = gzip.compress(dump)
for name in ("x.dump.gz", "x.dump"):
    storage.save(name, ContentFile(packed))
came = {name: storage.open(name).read() for name in ("x.dump.gz", "x.dump")}
for name, data in came.items():
    print(f"{name}: {len(packed)} bytes saved, size() {storage.size(name)}, {len(data)} bytes read")
as_seen = came == {"x.dump.gz": dump, "x.dump": packed} and storage.size("x.dump.gz") == len(packed)
sys.exit(not as_seen)
PY
