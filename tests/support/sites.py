"""A web shop in a folder of its own, driven as its operator drives it: by manage.py."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import mariadb
from tests.support.clusters import Cluster, Database, drop_role, make_database
from tests.support.forkserver import client as forkserver
from tests.support.forkserver.forked import Forked
from tests.support.run import once, run_folder

CHECKOUT = Path(__file__).resolve().parents[2]
MANAGE = CHECKOUT / "manage.py"
SECRET_KEY = "the-tests-own-secret-key-of-more-than-fifty-characters"
Process = subprocess.Popen[str] | Forked
SAMPLE = ("--customers", "20", "--orders", "50", "--seed", "1")


@dataclass(frozen=True)
class Result:
    """How a command ended and what it printed."""

    command: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON value and nothing else."""
        try:
            return json.loads(self.stdout)
        except ValueError as error:
            raise AssertionError(str(self)) from error

    def __str__(self) -> str:
        text = (
            f"{' '.join(self.command)} ended with {self.returncode}\n"
            f"--- standard output\n{self.stdout}\n--- standard error\n{self.stderr}"
        )
        # A worker whose report is no UTF-8 takes the whole run down with it.
        return text.encode(errors="backslashreplace").decode()


@dataclass(frozen=True)
class Site:
    """One web shop: its database, and its backups, media, home and temporary files in `folder`."""

    folder: Path
    database_url: str
    database: Database | None = None
    """The PostgreSQL database; None on others."""
    variables: dict[str, str] = field(default_factory=dict)
    """Environment variables that every command of this site gets besides the usual."""
    mariadb: mariadb.Database | None = None
    """The MariaDB database; None on others."""

    def __post_init__(self) -> None:
        for path in (self.media, self.home, self.tmp):
            path.mkdir(parents=True, exist_ok=True)

    @property
    def engine(self) -> str:
        return "mysql" if self.mariadb else "postgresql" if self.database else "sqlite"

    @property
    def backups(self) -> Path:
        return self.folder / "backups"

    @property
    def media(self) -> Path:
        return self.folder / "media"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def tmp(self) -> Path:
        """TMPDIR of its commands: what they leave behind is in here."""
        return self.folder / "tmp"

    @property
    def sqlite_file(self) -> Path:
        return self.folder / "db.sqlite3"

    def environment(self, **more: str) -> dict[str, str]:
        """The whole environment of a command: nothing of the developer's own but PATH."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TMPDIR": str(self.tmp),
            "LC_ALL": "C.UTF-8",
            "DJANGO_SETTINGS_MODULE": "webshop.settings",
            "PYTHONWARNINGS": "error",
            "SECRET_KEY": SECRET_KEY,
            "DATABASE_URL": self.database_url,
            "MEDIA_ROOT": str(self.media),
            "TRUSTBACKUP_ROOT": str(self.backups),
            **self.variables,
            **more,
        }

    def command(self, *arguments: str) -> list[str]:
        """The argument list of a management command, to be put behind strace and the like."""
        return [sys.executable, str(MANAGE), *arguments]

    def start(
        self,
        *arguments: str,
        env: Mapping[str, str] = {},
        prefix: Sequence[str] = (),
        fresh: bool = False,
    ) -> Process:
        """Start a management command as the leader of its own process group; see `finish`.

        `prefix` is a program in front of it (setpriv, strace …). It is forked from a process that
        has imported Django, unless it has a prefix other than strace, which traces that, too, or
        is to be `fresh`: an interpreter of its own, whose memory, modules and command line are
        only what the command itself needs.
        """
        environment, command = self.environment(**env), self.command(*arguments)
        traced = bool(prefix) and Path(prefix[0]).name == "strace"
        if not fresh and (traced or not prefix) and forkserver.can_run(environment):
            return forkserver.start(
                command[1:], cwd=self.folder, environment=environment, tracer=prefix
            )
        return subprocess.Popen(
            [*prefix, *command],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def manage(
        self,
        *arguments: str,
        env: Mapping[str, str] = {},
        prefix: Sequence[str] = (),
        check: bool = True,
        timeout: float = 300,
        fresh: bool = False,
    ) -> Result:
        """Run a management command to its end, as `start` starts it.

        Raises AssertionError with all that it printed when it fails, unless `check` is off, and
        when it takes longer than `timeout` seconds.
        """
        process = self.start(*arguments, env=env, prefix=prefix, fresh=fresh)
        result = finish(process, timeout=timeout)
        if check:
            assert result.returncode == 0, str(result)
        return result

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one SQL statement on the site's database, whichever it is; its rows."""
        if database := self.database or self.mariadb:
            return database.execute(statement)
        connection = sqlite3.connect(self.sqlite_file)
        try:
            with connection:
                return connection.execute(statement).fetchall()
        finally:
            connection.close()


def finish(process: Process, *, timeout: float = 300) -> Result:
    """Wait for a command that `Site.start` started; kills its whole group when it is late."""
    late = False
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        late = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
    command = tuple(map(str, process.args)) if isinstance(process.args, list) else ()
    result = Result(command, process.wait(), stdout, stderr)
    assert not late, f"still running after {timeout} s: {result}"
    return result


# --------------------------------------------------------- sites with sample data


def new_sqlite_site(folder: Path) -> Site:
    """A migrated web shop with a little sample data on SQLite: copied, not built."""
    template = Path(once("sqlite-site", _build_sqlite_template))
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(template / "media", folder / "media", dirs_exist_ok=True)
    shutil.copy(template / "db.sqlite3", folder / "db.sqlite3")
    return Site(folder, f"sqlite:///{folder / 'db.sqlite3'}")


def new_postgres_site(folder: Path, database: Database) -> Site:
    """A web shop on a database that was made from `postgres_template`."""
    template = postgres_template(database.cluster)
    shutil.copytree(template["media"], folder / "media", dirs_exist_ok=True)
    return Site(folder, database.url, database)


def postgres_template(cluster: Cluster) -> dict[str, str]:
    """Name, owner and media folder of a migrated web shop with a little sample data.

    Built once for each cluster.
    """
    template: dict[str, str] = once(
        f"postgres-site-{cluster.port}", lambda: _build_postgres_template(cluster)
    )
    return template


def new_mariadb_site(folder: Path, database: mariadb.Database) -> Site:
    """A web shop on a database that was made from `mariadb_template`."""
    template = mariadb_template(database.server)
    shutil.copytree(template["media"], folder / "media", dirs_exist_ok=True)
    return Site(folder, database.url, mariadb=database)


def mariadb_template(server: mariadb.Server) -> dict[str, str]:
    """Name and media folder of a migrated web shop with a little sample data; built once."""
    template: dict[str, str] = once(
        f"mariadb-site-{server.port}", lambda: _build_mariadb_template(server)
    )
    return template


def _build_mariadb_template(server: mariadb.Server) -> dict[str, str]:
    name = "web_shop_template"
    database = mariadb.Database(server=server, name=name, user=name, password="template")
    mariadb.drop_database(database)
    mariadb.make_database(database)
    site = Site(_fresh_folder(f"mariadb-site-{server.port}"), database.url, mariadb=database)
    _fill(site)
    return {"name": name, "media": str(site.media)}


def _build_sqlite_template() -> str:
    folder = _fresh_folder("sqlite-site")
    _fill(Site(folder, f"sqlite:///{folder / 'db.sqlite3'}"))
    return str(folder)


def _build_postgres_template(cluster: Cluster) -> dict[str, str]:
    name = "web_shop_template"
    owner = f"{name}_owner"
    database = Database(cluster=cluster, name=name, user=owner, password="template")
    drop_role(cluster, owner)
    make_database(database)
    site = Site(_fresh_folder(f"postgres-site-{cluster.port}"), database.url, database)
    _fill(site)
    # REASSIGN OWNED would give the template itself away too; and CREATE DATABASE needs
    # a template that nobody is connected to, autovacuum included.
    cluster.execute(f"ALTER DATABASE {name} OWNER TO {cluster.superuser}")
    cluster.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    return {"name": name, "owner": owner, "media": str(site.media)}


def _fresh_folder(name: str) -> Path:
    folder = run_folder() / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _fill(site: Site) -> None:
    site.manage("migrate", "--verbosity", "0")
    site.manage("load_sample_data", *SAMPLE)
