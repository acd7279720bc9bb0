#!/usr/bin/env bash
# django-storages on Azure: listdir("shop") of a storage gives whole paths, also of files in folders below; others names.
#
# django-storages 1.14.6, azure-storage-blob 12.31.0, Django 5.2.16 (PyPI), Azurite 3.37.0 (npm). Seen on 2026-12-01:
# Django's FileSystemStorage answers listdir("shop") with the folders ["old"] and the files ["a.dump"]; AzureStorage
# with no folder and the files ["shop/a.dump", "shop/old/b.dump"].
# For backups: a clean-up or a list that joins folder and name looks for shop/shop/a.dump and finds nothing, and one
# that takes the last part of each path takes another folder's backups for its own.
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
import socket
import sys
import tempfile
import time

from azure.storage.blob import BlobServiceClient
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage

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


def listed(storage):
    """What a storage lists of a folder that holds a file, and a folder with another."""
    for name in ("shop/a.dump", "shop/old/b.dump"):
        storage.save(name, ContentFile(b"a dump"))
    folders, files = storage.listdir("shop")
    print(f"{type(storage).__name__}: folders {sorted(folders)}, files {sorted(files)}")
    return sorted(folders), sorted(files)


with tempfile.TemporaryDirectory() as folder:
    here = listed(FileSystemStorage(folder))
there = listed(AzureStorage(connection_string=where, azure_container="site"))
sys.exit((here, there) != ((["old"], ["a.dump"]), ([], ["shop/a.dump", "shop/old/b.dump"])))
PY
