"""PgBouncer before a cluster of the tests' own, in transaction mode, on 127.0.0.1."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.support.backups import wait_for
from tests.support.clusters import Cluster
from tests.support.ports import free_port

PROGRAM = "/usr/sbin/pgbouncer"


@dataclass(frozen=True, kw_only=True)
class PgBouncer:
    """One that runs; any database of the cluster by its own name."""

    cluster: Cluster
    port: int
    log: Path

    def url(self, dbname: str, user: str, password: str) -> str:
        return f"postgres://{user}:{password}@127.0.0.1:{self.port}/{dbname}"

    @property
    def console(self) -> str:
        """The address of its administration."""
        return self.url("pgbouncer", self.cluster.superuser, self.cluster.password)

    def ask(self, command: str) -> list[dict[str, Any]]:
        """The rows that its administration answers with, by column."""
        with psycopg.connect(
            self.console, autocommit=True, cursor_factory=psycopg.ClientCursor
        ) as console:
            cursor = console.execute(command.encode())
            if cursor.description is None:
                return []
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@contextlib.contextmanager
def running_pgbouncer(
    parent: Path, cluster: Cluster, users: dict[str, str], *, pool_size: int = 3
) -> Iterator[PgBouncer]:
    """Start one for these users (name → password) and the superuser; stopped after."""
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-", dir=parent))
    port = free_port()
    everybody = {**users, cluster.superuser: cluster.password}
    (folder / "users").write_text(
        "".join(f'"{name}" "{password}"\n' for name, password in everybody.items())
    )
    (folder / "ini").write_text(
        f"""
        [databases]
        * = host={cluster.host} port={cluster.port}
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = {port}
        unix_socket_dir =
        auth_type = plain
        auth_file = {folder / "users"}
        admin_users = {cluster.superuser}
        pool_mode = transaction
        default_pool_size = {pool_size}
        max_client_conn = 200
        logfile = {folder / "log"}
        pidfile = {folder / "pid"}
        """.replace("        ", "")
    )
    command = [PROGRAM, str(folder / "ini")]
    if os.geteuid() == 0:
        for path in (folder, folder / "ini", folder / "users"):
            shutil.chown(path, "postgres", "postgres")
        command = [
            *("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"),
            *command,
        ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        pgbouncer = PgBouncer(cluster=cluster, port=port, log=folder / "log")
        wait_for(lambda: _answers(port) or process.poll() is not None)
        assert process.poll() is None, (folder / "log").read_text()
        yield pgbouncer
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
