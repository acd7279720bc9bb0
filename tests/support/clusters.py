"""PostgreSQL clusters of the tests' own: initdb in a temporary folder, 127.0.0.1 only."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from tests.support.ports import free_port
from tests.support.postgresql_programs import pg_ctl, postgresql_programs, run
from tests.support.scram import quick_to_check

SETTINGS = {
    # The data lives for a minute; no test pulls the plug on the machine.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "256MB",
    "jit": "off",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "listen_addresses": "127.0.0.1",
    # What stays outside of a database: followers of it, transactions that wait for their end.
    "wal_level": "logical",
    "max_prepared_transactions": "5",
}


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A running cluster; plain values, so that the processes of a run can share it."""

    folder: str
    host: str
    port: int
    superuser: str
    password: str
    bin_dir: str

    @property
    def data_dir(self) -> Path:
        return Path(self.folder) / "data"

    @property
    def socket_dir(self) -> str:
        return self.folder

    @property
    def log(self) -> str:
        return (Path(self.folder) / "log").read_text(errors="replace")

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, None when it is not running."""
        return running_pid(self.data_dir)

    def url(
        self,
        dbname: str,
        user: str | None = None,
        password: str | None = None,
        *,
        over_socket: bool = False,
    ) -> str:
        """As for DATABASE_URL; the superuser's unless a user is named."""
        user, password = (user or self.superuser), (password or self.password)
        who = f"{quote(user, safe='')}:{quote(password, safe='')}"
        where = quote(self.socket_dir, safe="") if over_socket else self.host
        return f"postgres://{who}@{where}:{self.port}/{quote(dbname, safe='')}"

    def connect(self, dbname: str = "postgres", **parameters: Any) -> psycopg.Connection:
        """A connection of the superuser (or `user`, `password`), committing each statement."""
        return psycopg.connect(
            host=self.host,
            port=self.port,
            dbname=dbname,
            autocommit=True,
            **{"user": self.superuser, "password": self.password, **parameters},
        )

    def execute(
        self, query: str | sql.Composed, dbname: str = "postgres", parameters: Sequence[Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Run one statement as superuser; its rows, if it has any."""
        with self.connect(dbname) as connection:
            return run_statement(connection, query, parameters)

    def start(self, settings: Mapping[str, str] = {}, **env: str) -> None:
        """Start it (again), on the port that it has; ``env`` is for the server."""
        options = {
            **SETTINGS,
            **settings,
            "port": str(self.port),
            "unix_socket_directories": self.folder,
        }
        flags = " ".join(f"-c {key}={value}" for key, value in options.items())
        log = str(Path(self.folder) / "log")
        pg_ctl("start", self.data_dir, "--log", log, "--options", flags, **env)

    def stop(self, mode: str = "fast") -> None:
        """Stop it: "smart", "fast", or "immediate" (as a crash); nothing when it is down."""
        stop_server(self.data_dir, mode)


@dataclass(frozen=True, kw_only=True)
class Database:
    """A database and the role that owns it."""

    cluster: Cluster
    name: str
    user: str
    password: str

    @property
    def url(self) -> str:
        return self.cluster.url(self.name, self.user, self.password)

    def connect(self) -> psycopg.Connection:
        """A connection of the owner, committing each statement."""
        return self.cluster.connect(self.name, user=self.user, password=self.password)

    def execute(
        self, query: str | sql.Composed, parameters: Sequence[Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Run one statement as the owner; its rows, if it has any."""
        with self.connect() as connection:
            return run_statement(connection, query, parameters)


def run_statement(
    connection: psycopg.Connection, query: str | sql.Composed, parameters: Sequence[Any]
) -> list[tuple[Any, ...]]:
    statement = query.encode() if isinstance(query, str) else query
    cursor = connection.execute(statement, parameters or None)
    return cursor.fetchall() if cursor.description else []


# ------------------------------------------------------------------------ clusters


def new_cluster(parent: Path) -> Cluster:
    """Make a cluster in a new folder in `parent` and start it."""
    # A socket's path may have 107 characters; pytest's own folders are longer.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=parent))
    password = secrets.token_urlsafe(16)
    password_file = folder / "password"
    password_file.write_text(password)
    if os.geteuid() == 0:
        for path in (folder, password_file):
            shutil.chown(path, "postgres", "postgres")
    bin_dir = postgresql_programs()
    run(
        [
            f"{bin_dir}/initdb",
            *("--pgdata", str(folder / "data")),
            *("--username", "postgres", "--pwfile", str(password_file)),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"),
            *("--data-checksums", "--no-sync", "--no-instructions"),
        ]
    )
    password_file.unlink()
    for attempts_left in (2, 1, 0):
        cluster = Cluster(
            folder=str(folder),
            host="127.0.0.1",
            port=free_port(),
            superuser="postgres",
            password=password,
            bin_dir=bin_dir,
        )
        try:
            cluster.start()
        except RuntimeError as error:
            # Somebody else may have taken the port in the meantime.
            if not attempts_left:
                raise RuntimeError(f"{error}\n{cluster.log}") from error
        else:
            user, secret = sql.Identifier(cluster.superuser), quick_to_check(password)
            cluster.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(user, secret))
            return cluster
    raise AssertionError("unreachable")


@contextlib.contextmanager
def running_cluster(parent: Path) -> Iterator[Cluster]:
    """A cluster for a test that kills, stops or fills it."""
    cluster = new_cluster(parent)
    try:
        yield cluster
    finally:
        cluster.stop("immediate")
        shutil.rmtree(cluster.folder, ignore_errors=True)


def stop_all(parent: Path) -> None:
    """Stop every cluster that `new_cluster` made in `parent` and that still runs."""
    for data_dir in parent.glob("pg-*/data"):
        stop_server(data_dir, "immediate")


def stop_server(data_dir: Path, mode: str) -> None:
    if running_pid(data_dir) is not None:
        pg_ctl("stop", data_dir, "--mode", mode)


def running_pid(data_dir: Path) -> int | None:
    with contextlib.suppress(FileNotFoundError, IndexError, ProcessLookupError):
        pid = int((data_dir / "postmaster.pid").read_text().split()[0])
        os.kill(pid, 0)
        return pid
    return None


def as_values(cluster: Cluster) -> dict[str, Any]:
    return asdict(cluster)


# ----------------------------------------------------------------------- databases


@contextlib.contextmanager
def new_database(
    cluster: Cluster, *, template: str | None = None, template_owner: str | None = None
) -> Iterator[Database]:
    """A database of a new name and a new role, which may create more; both dropped after.

    With a template, everything in it that `template_owner` owns becomes the new role's.
    """
    name = f"shop_{secrets.token_hex(4)}"
    database = Database(
        cluster=cluster, name=name, user=f"{name}_owner", password=secrets.token_urlsafe(16)
    )
    make_database(database, template=template, template_owner=template_owner)
    try:
        yield database
    finally:
        if cluster.pid is not None:
            drop_role(cluster, database.user)


def make_database(
    database: Database, *, template: str | None = None, template_owner: str | None = None
) -> None:
    cluster, name, user = database.cluster, database.name, sql.Identifier(database.user)
    cluster.execute(
        sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(
            user, quick_to_check(database.password)
        )
    )
    cluster.execute(
        sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
            sql.Identifier(name), user, sql.Identifier(template or "template1")
        )
    )
    if template_owner:
        cluster.execute(
            sql.SQL("REASSIGN OWNED BY {} TO {}").format(sql.Identifier(template_owner), user),
            name,
        )


def drop_role(cluster: Cluster, role: str) -> None:
    """Drop a role and every database that it owns: restores leave some beside its first."""
    owned = cluster.execute(
        "SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = %s", parameters=[role]
    )
    for (name,) in owned:
        cluster.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    cluster.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))
