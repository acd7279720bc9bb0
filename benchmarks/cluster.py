"""A PostgreSQL cluster of the benchmark's own, in a temporary folder.

Its settings are the server's defaults (fsync on), but for room to work: half a gigabyte of
shared buffers, and a write-ahead log that may grow before a checkpoint is forced.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from benchmarks.measure import BenchmarkError

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
}
USER = "postgres"


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A running cluster. Every program connects through its Unix socket, in ``folder``."""

    folder: Path
    port: int
    password: str
    programs: Path

    def url(self, name: str) -> str:
        """As for DATABASE_URL."""
        host = quote(str(self.folder), safe="")
        return f"postgres://{USER}:{self.password}@{host}:{self.port}/{name}"

    def environment(self, name: str) -> dict[str, str]:
        """As PostgreSQL's own programs want it."""
        return {
            "PGHOST": str(self.folder),
            "PGPORT": str(self.port),
            "PGUSER": USER,
            "PGPASSWORD": self.password,
            "PGDATABASE": name,
        }

    def connect(self, name: str = "postgres") -> psycopg.Connection[Any]:
        """A connection that commits each statement."""
        return psycopg.connect(
            host=str(self.folder),
            port=self.port,
            user=USER,
            password=self.password,
            dbname=name,
            autocommit=True,
        )

    @property
    def version(self) -> str:
        with self.connect() as connection:
            return connection.execute("SHOW server_version").fetchone()[0]  # type: ignore[index]


@contextlib.contextmanager
def running_cluster(work: Path) -> Iterator[Cluster]:
    """Make a cluster in a new folder in ``work``, start it, and stop it in the end."""
    folder = work / "pg"
    folder.mkdir(mode=0o700)
    password = folder / "password"
    password.write_text(secrets.token_urlsafe(16))
    if os.geteuid() == 0:
        for path in (folder, password):
            shutil.chown(path, "postgres", "postgres")
    cluster = Cluster(
        folder=folder, port=_free_port(), password=password.read_text(), programs=find_programs()
    )
    _run(
        cluster.programs / "initdb",
        *("--pgdata", str(folder / "data"), "--username", USER, "--pwfile", str(password)),
        *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"),
        *("--data-checksums", "--no-instructions"),
    )
    options = {**SETTINGS, "port": cluster.port, "unix_socket_directories": folder}
    flags = " ".join(f"-c {key}={value}" for key, value in options.items())
    try:
        _control(cluster, "start", "--log", str(folder / "log"), "--options", flags)
        yield cluster
    finally:
        # By the process id in its own data folder; the data is thrown away.
        if (folder / "data" / "postmaster.pid").exists():
            _control(cluster, "stop", "--mode", "fast")


def find_programs() -> Path:
    """The folder of the newest installed server's programs. Raises BenchmarkError."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: int(re.sub(r"\D", "", path.parent.parent.name) or 0),
    )
    on_path = shutil.which("initdb")
    if not found and not on_path:
        raise BenchmarkError(
            "PostgreSQL's server is not installed (Debian: apt install postgresql);"
            " without it, say --only sqlite or --only list."
        )
    return (found[-1] if found else Path(str(on_path)).resolve()).parent


def _control(cluster: Cluster, action: str, *arguments: str) -> None:
    data = str(cluster.folder / "data")
    _run(cluster.programs / "pg_ctl", action, "--pgdata", data, "--wait", "--silent", *arguments)


def _run(program: Path, *arguments: str) -> None:
    """Run a server's program as the user it demands: postgres when root, else ourselves."""
    command = [str(program), *arguments]
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
    result = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"},
        cwd="/",
        start_new_session=True,
        check=False,
    )
    if result.returncode:
        said = result.stderr.decode(errors="replace").strip()
        raise BenchmarkError(f"{program.name} ended with {result.returncode}: {said}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
