"""A real S3 server: OpenStack Swift with its s3api, on 127.0.0.1.

One proxy, account, container and object server each, with one "disk", which is a folder on a
file system with extended attributes. It is installed from PyPI into a virtual environment of
its own, once for each user: in XDG_CACHE_HOME, else in ~/.cache.

Real are: signatures, checksums, multipart uploads, paging, conditional writes, regions and
refusals. Not real is Object Lock: Swift takes the request and locks nothing.
"""

from __future__ import annotations

import fcntl
import http.client
import os
import secrets
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from tests.support import servers
from tests.support.buckets import S3Server
from tests.support.ports import free_ports

VERSION = "2.38.3"
REGION = "us-east-1"
KINDS = ("account", "container", "object", "proxy")

LAUNCH = """
import sys
from importlib import import_module
from swift.common import utils

kind, folder = sys.argv[1:3]
del sys.argv[1:3]
utils.set_swift_dir(folder)  # before anything reads a limit from /etc/swift
from swift.common import constraints

constraints.reload_constraints()
sys.exit(import_module({"object": "swift.obj"}.get(kind, f"swift.{kind}") + ".server").main())
"""

RINGS = """
import sys
from swift.common.ring import RingBuilder

folder, *ports = sys.argv[1:]
for kind, port in zip(("account", "container", "object"), map(int, ports)):
    builder = RingBuilder(4, 1, 0)
    address = {"ip": "127.0.0.1", "port": port}
    replication = {"replication_" + key: value for key, value in address.items()}
    builder.add_dev(
        {"id": 0, "region": 1, "zone": 1, "weight": 1.0, "meta": "", "device": "disk"}
        | address | replication
    )
    builder.rebalance(seed="1")
    builder.get_ring().save(f"{folder}/{kind}.ring.gz")
"""

COMMON = """
[DEFAULT]
swift_dir = {folder}
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
log_address = {folder}/no-syslog
log_level = WARNING
"""

STORAGE = """
devices = {folder}/disks
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
[pipeline:main]
pipeline = healthcheck {kind}-server
[filter:healthcheck]
use = egg:swift#healthcheck
[app:{kind}-server]
use = egg:swift#{kind}
log_requests = false
node_timeout = 60
conn_timeout = 10
container_update_timeout = 60
"""

FILTERS = (
    "catch_errors gatekeeper healthcheck listing_formats s3api tempauth bulk copy slo dlo "
    "versioned_writes symlink"
)
OPTIONS = {
    "s3api": f"location = {REGION}\nmax_upload_part_num = 10000\n",
    # .admin may do everything, .reseller_reader may read, and no group may do nothing.
    "tempauth": "user_backup_admin = {admin} .admin\n"
    "user_backup_reader = {reader} .reseller_reader\n"
    "user_backup_nobody = {nobody}\n",
    "slo": "max_manifest_segments = 10000\nallow_async_delete = false\n",
    "versioned_writes": "allow_versioned_writes = true\nallow_object_versioning = true\n",
}

PROXY = """
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
node_timeout = 60
conn_timeout = 10
error_suppression_limit = 1000000
"""


def start(parent: Path) -> dict[str, Any]:
    """Start one in a new folder; an S3Server's values, or {"missing": why there is none}."""
    python = _install()
    folder = _folder_with_attributes(parent)
    if folder is None:
        return {"missing": "no file system here has the extended attributes that Swift needs"}
    passwords = {name: secrets.token_hex(20) for name in ("admin", "reader", "nobody")}
    # Somebody else may take one of the ports before its server does.
    for attempts_left in (2, 1, 0):
        try:
            port = _start_all(folder, python, passwords)
        except RuntimeError:
            servers.stop(folder)
            if not attempts_left:
                raise
        else:
            break
    return {
        "endpoint": f"http://127.0.0.1:{port}",
        "region": REGION,
        "access_key": "backup:admin",
        "secret_key": passwords["admin"],
        "reader": ["backup:reader", passwords["reader"]],
        "nobody": ["backup:nobody", passwords["nobody"]],
    }


def as_server(values: dict[str, Any]) -> S3Server:
    return S3Server(
        **{**values, "reader": tuple(values["reader"]), "nobody": tuple(values["nobody"])}
    )


def _install() -> str:
    """Swift's own Python; installs Swift when this user does not have it yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "trustbackup-tests" / f"swift-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    python, done = folder / "venv/bin/python", folder / "installed"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
            for command in (
                [sys.executable, "-m", "venv", "--clear", str(folder / "venv")],
                [*install, f"swift=={VERSION}"],
            ):
                subprocess.run(command, check=True, env=_plain_environment())
            done.touch()
    return str(python)


def _plain_environment() -> dict[str, str]:
    """Without the constraints that are for this project's own environment."""
    return {key: value for key, value in os.environ.items() if key != "PIP_CONSTRAINT"}


def _folder_with_attributes(parent: Path) -> Path | None:
    folder = Path(tempfile.mkdtemp(prefix="swift-", dir=parent))
    disk = folder / "disks/disk"
    disk.mkdir(parents=True)
    try:
        os.setxattr(disk, "user.swift.metadata", b"x" * 2048)
    except OSError:
        return None
    os.removexattr(disk, "user.swift.metadata")
    return folder


def _start_all(folder: Path, python: str, passwords: dict[str, str]) -> int:
    """Configure and start the four servers on free ports; returns the proxy's."""
    ports = dict(zip(KINDS, free_ports(len(KINDS)), strict=True))
    _configure(folder, ports, passwords)
    scripts = {"launch.py": LAUNCH, "rings.py": RINGS}
    for name, text in scripts.items():
        (folder / name).write_text(text)
    inner = [str(ports[kind]) for kind in KINDS if kind != "proxy"]
    subprocess.run([python, str(folder / "rings.py"), str(folder), *inner], check=True)
    for kind in KINDS:
        configuration = str(folder / f"{kind}-server.conf")
        launch = [python, str(folder / "launch.py"), kind, str(folder), configuration, "-v"]
        servers.start(folder, kind, launch)
    for kind, port in ports.items():
        servers.wait_for(folder, kind, partial(_is_healthy, port))
    return ports["proxy"]


def _configure(folder: Path, ports: dict[str, int], passwords: dict[str, str]) -> None:
    suffix = secrets.token_hex(8)
    (folder / "swift.conf").write_text(
        f"[swift-hash]\nswift_hash_path_prefix = {suffix}\nswift_hash_path_suffix = {suffix}\n"
        "[storage-policy:0]\nname = single\npolicy_type = replication\ndefault = yes\n"
        "[swift-constraints]\nmax_meta_value_length = 2048\n"
    )
    for kind, port in ports.items():
        text = COMMON.format(folder=folder, port=port)
        if kind == "proxy":
            text += f"[pipeline:main]\npipeline = {FILTERS} proxy-server\n"
            for name in FILTERS.split():
                options = OPTIONS.get(name, "").format(**passwords)
                text += f"[filter:{name}]\nuse = egg:swift#{name}\n{options}"
            text += PROXY
        else:
            text += STORAGE.format(folder=folder, kind=kind)
        path = folder / f"{kind}-server.conf"
        path.touch(0o600)
        path.write_text(text)


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthcheck")
        return connection.getresponse().status == 200
    finally:
        connection.close()
