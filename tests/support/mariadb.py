"""MariaDB servers of the tests' own: a temporary folder, a socket in it and 127.0.0.1 only."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pymysql

from tests.support import servers
from tests.support.ports import free_port

SETTINGS = (
    # The data lives for a minute; no test pulls the plug on the machine.
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--sync-binlog=0",
    "--skip-log-bin",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=32M",
    "--innodb-data-file-path=ibdata1:12M:autoextend",
    "--performance-schema=off",
    "--skip-name-resolve",
    "--character-set-server=utf8mb4",
    "--event-scheduler=on",
    "--max-connections=100",
)
SUPERUSER = "tester"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server; plain values, so that the processes of a run can share it."""

    folder: str
    port: int
    password: str

    @property
    def socket(self) -> str:
        return f"{self.folder}/socket"

    @property
    def log(self) -> str:
        return (Path(self.folder) / "mariadb.log").read_text(errors="replace")

    def url(
        self,
        dbname: str,
        user: str = SUPERUSER,
        password: str | None = None,
        *,
        over_socket: bool = False,
    ) -> str:
        """As for DATABASE_URL; the superuser's unless a user is named."""
        secret = self.password if password is None else password
        who = f"{quote(user, safe='')}:{quote(secret, safe='')}"
        where = quote(self.socket, safe="") if over_socket else f"127.0.0.1:{self.port}"
        return f"mysql://{who}@{where}/{quote(dbname, safe='')}"

    def connect(self, dbname: str | None = None, **parameters: Any) -> Any:
        """A connection of the superuser (or `user`, `password`), committing each statement."""
        usual = {"unix_socket": self.socket, "user": SUPERUSER, "password": self.password}
        return pymysql.connect(
            database=dbname, autocommit=True, charset="utf8mb4", **{**usual, **parameters}
        )

    def execute(
        self, query: str, dbname: str | None = None, parameters: Sequence[Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Run one statement as superuser; its rows, if it has any."""
        with contextlib.closing(self.connect(dbname)) as connection:
            return run_statement(connection, query, parameters)

    def load(
        self, dbname: str, script: str | bytes, user: str = SUPERUSER, password: str = ""
    ) -> None:
        """Feed a script to the client, as somebody does by hand."""
        done = subprocess.run(
            ["mariadb", "--no-defaults", f"--socket={self.socket}", f"--user={user}", dbname],
            input=script.encode() if isinstance(script, str) else script,
            env={**os.environ, "MYSQL_PWD": password or self.password},
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")

    def start(self, *more: str) -> None:
        """Start it (again), on the port that it has, with `more` options."""
        folder = Path(self.folder)
        user = [f"--user={_server_user()}"] if os.geteuid() == 0 else []
        program = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, "mariadbd is not installed: `make test` installs it."
        command = [
            *(program, "--no-defaults", f"--datadir={folder / 'data'}", *user),
            *(f"--socket={self.socket}", f"--pid-file={folder / 'pid'}"),
            *("--bind-address=127.0.0.1", f"--port={self.port}"),
            # A server that starts removes what all others have in the folder for temporary files.
            f"--tmpdir={folder / 'tmp'}",
            *(f"--init-file={folder / 'init.sql'}", *SETTINGS, *more),
        ]
        servers.start(folder, "mariadb", command)
        servers.wait_for(folder, "mariadb", self._answers)

    def stop(self) -> None:
        """Stop it at once, as a crash does."""
        servers.stop(Path(self.folder))

    def _answers(self) -> bool:
        # After the init file; an attempt to connect before would leave PyMySQL's socket open.
        return "ready for connections" in self.log


@dataclass(frozen=True, kw_only=True)
class Database:
    """A database and the user whose it is."""

    server: Server
    name: str
    user: str
    password: str

    @property
    def url(self) -> str:
        return self.server.url(self.name, self.user, self.password)

    def connect(self) -> Any:
        """A connection of the user, committing each statement."""
        return self.server.connect(self.name, user=self.user, password=self.password)

    def execute(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement as its user; its rows, if it has any."""
        with contextlib.closing(self.connect()) as connection:
            return run_statement(connection, query, parameters)

    def load(self, script: str) -> None:
        """Feed a script to the client as its user."""
        self.server.load(self.name, script, self.user, self.password)


def run_statement(
    connection: Any, query: str, parameters: Sequence[Any] = ()
) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters or None)
        return list(cursor.fetchall()) if cursor.description else []


# ------------------------------------------------------------------------- servers


def new_server(parent: Path, *more: str) -> Server:
    """Make a server in a new folder in `parent` and start it, with `more` options."""
    # A socket's path may have 107 characters; pytest's own folders are longer.
    folder = Path(tempfile.mkdtemp(prefix="my-", dir=parent))
    server = Server(folder=str(folder), port=free_port(), password=secrets.token_urlsafe(16))
    (folder / "tmp").mkdir(mode=0o700)
    user = []
    if os.geteuid() == 0:
        user = [f"--user={_server_user()}"]
        shutil.chown(folder, _server_user())
        shutil.chown(folder / "tmp", _server_user())
    else:
        folder.chmod(0o700)
    install = shutil.which("mariadb-install-db")
    assert install, "mariadb-install-db is not installed: `make test` installs it."
    done = subprocess.run(
        [
            *(install, "--no-defaults", f"--datadir={folder / 'data'}", *user),
            *("--auth-root-authentication-method=normal", "--skip-test-db"),
            *("--innodb-log-file-size=32M", "--innodb-flush-log-at-trx-commit=0"),
            f"--tmpdir={folder / 'tmp'}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # Nobody else on this machine may come in without a password.
    init = folder / "init.sql"
    init.write_text(
        f"CREATE OR REPLACE USER {SUPERUSER}@'%' IDENTIFIED BY '{server.password}';\n"
        f"GRANT ALL ON *.* TO {SUPERUSER}@'%' WITH GRANT OPTION;\n"
        f"ALTER USER root@localhost IDENTIFIED BY '{server.password}';\n"
    )
    if os.geteuid() == 0:
        shutil.chown(init, _server_user())
    init.chmod(0o400)
    server.start(*more)
    return server


@contextlib.contextmanager
def running_server(parent: Path, *more: str) -> Iterator[Server]:
    """A server for a test that kills, stops or fills it."""
    server = new_server(parent, *more)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)


def stop_all(parent: Path) -> None:
    """Stop every server that `new_server` made in `parent` and that still runs."""
    servers.stop_all(parent)


def as_values(server: Server) -> dict[str, Any]:
    return asdict(server)


def _server_user() -> str:
    """The user whom Debian's package makes for its own server."""
    pwd.getpwnam("mysql")
    return "mysql"


# ----------------------------------------------------------------------- databases


@contextlib.contextmanager
def new_database(server: Server, *, template: str | None = None) -> Iterator[Database]:
    """A database of a new name and a user of its own, who may make more beside it that begin
    with its name; all dropped after. With a template its content is copied."""
    name = f"shop_{secrets.token_hex(4)}"
    database = Database(
        server=server, name=name, user=f"{name}_user", password=secrets.token_urlsafe(16)
    )
    make_database(database)
    try:
        if template:
            copy_database(server, template, name)
        yield database
    finally:
        drop_database(database)


def make_database(database: Database) -> None:
    server, user = database.server, f"'{database.user}'@'%'"
    server.execute(f"CREATE DATABASE `{database.name}`")
    server.execute(f"CREATE USER {user} IDENTIFIED BY '{database.password}'")
    escaped = database.name.replace("_", r"\_")
    server.execute(f"GRANT ALL ON `{escaped}`.* TO {user}")
    server.execute(rf"GRANT ALL ON `{escaped}\_%`.* TO {user}")


def copy_database(server: Server, source: str, target: str) -> None:
    server.load(target, dumped(server, source))


def dumped(server: Server, name: str) -> bytes:
    """A database as a script."""
    dump = subprocess.run(
        [
            *("mariadb-dump", "--no-defaults", f"--socket={server.socket}"),
            *(f"--user={SUPERUSER}", "--single-transaction", "--routines", name),
        ],
        env={**os.environ, "MYSQL_PWD": server.password},
        capture_output=True,
        check=True,
    )
    return dump.stdout


def drop_database(database: Database) -> None:
    """With every other that a restore left beside it, and the user."""
    server = database.server
    with contextlib.suppress(pymysql.err.OperationalError):
        for (name,) in server.execute("SHOW DATABASES"):
            if name == database.name or name.startswith(f"{database.name}_"):
                quoted = name.replace("`", "``")
                server.execute(f"DROP DATABASE `{quoted}`")
        server.execute(f"DROP USER IF EXISTS '{database.user}'@'%'")
