"""SeaweedFS (SFTP and S3 over one store), rclone's S3, moto, Swift, and Azure's emulator."""

from __future__ import annotations

import contextlib
import json
import os
import urllib.request
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from botocore.exceptions import ClientError

from tests.support import run, sshd, swift
from tests.support.buckets import S3Server, new_bucket, start_moto
from tests.support.field.served import (
    PASSWORD,
    USER,
    Served,
    listens,
    output,
    program,
    running,
    sftp_variables,
)
from tests.support.field.sftp_servers import rclone_version
from tests.support.ports import free_port, free_ports
from tests.support.sites import CHECKOUT


class NotHereError(RuntimeError):
    """This machine can't carry the server."""


ACCESS_KEY, SECRET_KEY = "access", "secret-of-the-tests"


@contextlib.contextmanager
def seaweed(folder: Path) -> Iterator[tuple[str, int]]:
    """SeaweedFS; where its filer is, as its own programs are told, and the port of its S3."""
    names = ("master", "volume", "filer", "s3")
    ports = free_ports(2 * len(names))
    chosen = dict(zip(names, zip(ports[::2], ports[1::2], strict=True), strict=True))
    (folder / "data").mkdir(parents=True)
    identity = {
        "name": "shop",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    command = [
        *(program("weed"), "server", "-ip=127.0.0.1", f"-dir={folder / 'data'}", "-filer", "-s3"),
        *(f"-{name}.port={port}" for name, (port, _grpc) in chosen.items()),
        *(f"-{name}.port.grpc={grpc}" for name, (_port, grpc) in chosen.items()),
        *("-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"),
        *("-volume.max=20", "-master.volumeSizeLimitMB=64", f"-s3.config={folder / 's3.json'}"),
        *(f"-{name}.localSocket={folder / name}.sock" for name in ("filer", "s3")),
    ]
    (filer, grpc), s3 = chosen["filer"], chosen["s3"][0]

    def answers() -> bool:
        return listens(s3) and _takes_writes(filer)

    with running(folder, "seaweedfs", command, port=s3, answers=answers):
        yield f"127.0.0.1:{filer}.{grpc}", s3


def _takes_writes(filer: int) -> bool:
    """Whether the volumes behind it are there, too. Raises OSError."""
    request = urllib.request.Request(f"http://127.0.0.1:{filer}/ready", b"ready", method="PUT")
    with urllib.request.urlopen(request, timeout=5) as answer:
        return bool(answer.status < 300)


def seaweed_version() -> str:
    return output(program("weed"), "version").split("GB ")[1].split()[0]


@contextlib.contextmanager
def seaweed_sftp(folder: Path) -> Iterator[Served]:
    port = free_port()
    with seaweed(folder / "store") as (filer, _s3):
        host_key = sshd.new_key(folder / "host_key", "ed25519")
        user = {
            "Username": USER,
            "Password": PASSWORD,
            "HomeDir": "/",
            "Permissions": {"/": ["*"]},
            "Uid": os.getuid(),
            "Gid": os.getgid(),
        }
        (folder / "users.json").write_text(json.dumps([user]))
        command = [
            *(program("weed"), "sftp", "-ip.bind=127.0.0.1", f"-port={port}"),
            *(f"-filer={filer}", f"-sshPrivateKey={folder / 'host_key'}"),
            *(f"-userStoreFile={folder / 'users.json'}", f"-localSocket={folder / 'sftp.sock'}"),
        ]
        with running(folder, "seaweedfs-sftp", command, port=port):
            yield Served(
                name="SeaweedFS sftp",
                version=seaweed_version(),
                url=f"sftp://{USER}@127.0.0.1:{port}/copies",
                port=port,
                variables=sftp_variables(host_key),
            )


def in_bucket(server: S3Server, name: str, program_version: str) -> Served:
    """A new bucket at a server that runs, and one with Object Lock where it makes such."""
    bucket = new_bucket(server)
    port = int(server.endpoint.rpartition(":")[2])
    query = f"endpoint={server.endpoint}&region={server.region}"
    return Served(
        name=name,
        version=program_version,
        url=f"s3://{bucket.name}/copies?{query}",
        lock_url=_with_lock(server, query),
        port=port,
        variables={
            "AWS_ACCESS_KEY_ID": server.access_key,
            "AWS_SECRET_ACCESS_KEY": server.secret_key,
        },
    )


def _with_lock(server: S3Server, query: str) -> str:
    try:
        bucket = new_bucket(server, ObjectLockEnabledForBucket=True)
    except ClientError:
        bucket = new_bucket(server)
    return f"s3://{bucket.name}/copies?{query}&lock_mode=GOVERNANCE&lock_days=1"


def _s3_server(port: int) -> S3Server:
    return S3Server(
        endpoint=f"http://127.0.0.1:{port}",
        region="us-east-1",
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
    )


@contextlib.contextmanager
def seaweed_s3(folder: Path) -> Iterator[Served]:
    with seaweed(folder) as (_filer, port):
        yield in_bucket(_s3_server(port), "SeaweedFS s3", seaweed_version())


@contextlib.contextmanager
def rclone_s3(folder: Path) -> Iterator[Served]:
    port = free_port()
    (folder / "store").mkdir(parents=True)
    command = [
        *(program("rclone"), "serve", "s3", str(folder / "store"), "--addr", f"127.0.0.1:{port}"),
        *("--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", "--config", str(folder / "rclone.conf")),
    ]
    with running(folder, "rclone", command, port=port):
        yield in_bucket(_s3_server(port), "rclone serve s3", rclone_version())


@contextlib.contextmanager
def moto(_folder: Path) -> Iterator[Served]:
    """The run's moto, which knows Object Lock."""
    values = run.once("moto", lambda: start_moto(run.run_folder()))
    yield in_bucket(S3Server(**values), "moto", version("moto"))


@contextlib.contextmanager
def swift_s3(_folder: Path) -> Iterator[Served]:
    """The run's OpenStack Swift. Raises NotHereError where no file system can carry it."""
    values = run.once("swift", lambda: swift.start(run.run_folder()))
    if "missing" in values:
        raise NotHereError(values["missing"])
    yield in_bucket(swift.as_server(values), "OpenStack Swift, s3api", swift.VERSION)


# ---------------------------------------------------------------------------- Azure

ACCOUNT = "devstoreaccount1"
# The key that every emulator of Azure's storage has, by Microsoft's documentation.
ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
AZURE = """
import os
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "offsite": {
        "BACKEND": "storages.backends.azure_storage.AzureStorage",
        "OPTIONS": {
            "connection_string": "CONNECTION" + os.environ["AZURE_KEY"],
            "azure_container": "copies",
        },
    },
}
"""


def azurite_program() -> Path:
    return CHECKOUT / ".venv/node/node_modules/azurite"


@contextlib.contextmanager
def azurite(folder: Path) -> Iterator[Served]:
    """Azure's own emulator of its blob storage, reached by django-storages."""
    from azure.storage.blob import BlobServiceClient

    where = azurite_program()
    port = free_port()
    folder.mkdir(parents=True)
    command: Sequence[str] = [
        *(program("node"), str(where / "dist/src/blob/main.js"), "--silent"),
        *("--location", str(folder), "--blobHost", "127.0.0.1", "--blobPort", str(port)),
        *("--skipApiVersionCheck", "--disableTelemetry"),
    ]
    if not where.exists():
        raise RuntimeError("Azurite is not installed: `make test-field` installs it.")
    with running(folder, "azurite", command, port=port):
        connection = (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};"
            f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};AccountKey="
        )
        with BlobServiceClient.from_connection_string(connection + ACCOUNT_KEY) as client:
            client.create_container("copies")
        yield Served(
            name="Azurite, by storage://",
            version=json.loads((where / "package.json").read_text())["version"],
            url="storage://offsite/shop",
            port=port,
            variables={"AZURE_KEY": ACCOUNT_KEY},
            settings=AZURE.replace("CONNECTION", connection),
        )
