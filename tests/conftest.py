"""Fixtures for every tier: real servers, real sites, real file systems.

The PostgreSQL cluster is started by the first test that asks for it, in whichever
worker; every worker uses it, and the process that began the run stops it.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.support import buckets, clusters, mariadb, mounts, run, servers, sites, sshd, swift
from tests.support.sampling import Sweep

pytest_plugins = [
    "tests.support.selection",
    "tests.support.examples",
    "tests.support.leftovers",
    "tests.support.translations",
    "tests.support.mariadb_fixtures",
    "tests.support.notification_fixtures",
    "tests.support.task_backends",
]


def pytest_configure(config: pytest.Config) -> None:
    # A shell that starts a job in the background lets it, and all its children, ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # So does nohup with the end of a terminal.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if run.is_owner():
        # A run that is terminated cleans up as one that is interrupted does.
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("sweeps")
    group.addoption("--thorough", action="store_true", help="try every point of every sweep")
    group.addoption("--seed", type=int, help="draw the points that a run with this seed drew")


def pytest_report_header(config: pytest.Config) -> str:
    return f"sweeps: {_sweeps(config)}"


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    # Said again where it is looked for: `-q` has no header, and a failure may depend on it.
    terminalreporter.write_line(f"sweeps: {_sweeps(config)}")


def _sweeps(config: pytest.Config) -> str:
    thorough = config.getoption("thorough")
    return (
        "every point (--thorough)"
        if thorough
        else f"drawn by --seed={run.seed(config.getoption('seed'))}"
    )


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two more than there are processors: many tests wait for a disk, a lock or a time limit."""
    return (os.cpu_count() or 1) + 2


def pytest_unconfigure(config: pytest.Config) -> None:
    if run.is_owner():
        clusters.stop_all(run.memory_folder())
        mariadb.stop_all(run.memory_folder())
        if user := run.made("sshd-user"):
            sshd.remove_user(sshd.User(**user))
        servers.stop_all(run.run_folder())


@pytest.fixture
def sweep(request: pytest.FixtureRequest) -> Sweep:
    """Which of its points, and how many, a sweeping test tries in this run."""
    config = request.config
    return Sweep(
        run.seed(config.getoption("seed")),
        request.node.nodeid,
        thorough=config.getoption("thorough"),
    )


# ------------------------------------------------------------------ the tests' own process


@pytest.fixture(autouse=True)
def nobody_looks_out() -> None:
    """What a test asks of a page is all that it asks of the database."""
    from trustbackup.runs.lookout import lookout

    lookout.rest(math.inf)


# ---------------------------------------------------------------------- PostgreSQL


@pytest.fixture(scope="session")
def postgres_cluster() -> clusters.Cluster:
    """The run's PostgreSQL cluster; shared, so a test makes only what it drops again."""
    folder = run.memory_folder()
    values = run.once("cluster", lambda: clusters.as_values(clusters.new_cluster(folder)))
    return clusters.Cluster(**values)


@pytest.fixture
def private_cluster() -> Iterator[clusters.Cluster]:
    """A cluster of the test's own, to stop, kill or fill."""
    with clusters.running_cluster(run.memory_folder()) as cluster:
        yield cluster


@pytest.fixture
def postgres_database(postgres_cluster: clusters.Cluster) -> Iterator[clusters.Database]:
    """An empty database and the role that owns it, which may create more."""
    with clusters.new_database(postgres_cluster) as database:
        yield database


# ---------------------------------------------------------------------------- sshd


@pytest.fixture(scope="session")
def sshd_user() -> sshd.User:
    """Who signs in to the run's SSH servers."""
    return sshd.User(**run.once("sshd-user", lambda: asdict(sshd.new_user())))


@pytest.fixture
def new_sshd(
    sshd_user: sshd.User,
) -> Iterator[Callable[..., sshd.Server]]:
    """Starts SSH servers of the test's own, to stop, kill or set up otherwise."""
    with contextlib.ExitStack() as stack:

        def start(**options: Any) -> sshd.Server:
            server = sshd.running_sshd(run.run_folder(), sshd_user, **options)
            return stack.enter_context(server)

        yield start


@pytest.fixture(scope="session")
def shared_sshd(sshd_user: sshd.User) -> Iterator[sshd.Server]:
    """The worker's SSH server, with what all its tests have left there."""
    with sshd.running_sshd(run.run_folder(), sshd_user) as server:
        yield server


# --------------------------------------------------------------------------- sites


@pytest.fixture
def sqlite_site(tmp_path: Path) -> sites.Site:
    """A web shop with sample data on SQLite."""
    return sites.new_sqlite_site(tmp_path / "site")


@pytest.fixture
def postgres_site(tmp_path: Path, postgres_cluster: clusters.Cluster) -> Iterator[sites.Site]:
    """A web shop with sample data on the run's PostgreSQL cluster."""
    template = sites.postgres_template(postgres_cluster)
    with clusters.new_database(
        postgres_cluster, template=template["name"], template_owner=template["owner"]
    ) as database:
        yield sites.new_postgres_site(tmp_path / "site", database)


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def any_site(request: pytest.FixtureRequest) -> sites.Site:
    """A web shop with sample data, on each engine in turn."""
    fixture = {"sqlite": "sqlite_site", "postgresql": "postgres_site", "mariadb": "mariadb_site"}[
        request.param
    ]
    site = request.getfixturevalue(fixture)
    assert isinstance(site, sites.Site)
    return site


# ------------------------------------------------- pages in the tests' own process


@pytest.fixture
def operator(client: Client, db: None) -> Client:
    """A browser of somebody who may do everything; the password is "a password"."""
    from django.contrib.auth.models import User

    client.force_login(User.objects.create_superuser("operator", password="a password"))
    return client


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """The site's backup folder, in one that must stay empty but for it."""
    root = tmp_path / "own" / "backups"
    settings.TRUSTBACKUP = {"BACKUP_DIR": root}
    return root


@pytest.fixture
def runs_at_once(settings: Any, transactional_db: None) -> None:
    """A run that a page starts is over when the page answers: in this process, its database."""
    from tests.support.task_backends import IMMEDIATE

    settings.TASKS = {"trustbackup": IMMEDIATE}


# ---------------------------------------------------------------------- S3 servers


@pytest.fixture(scope="session")
def swift_server() -> buckets.S3Server:
    """The run's OpenStack Swift; skips where no file system can carry it."""
    values = run.once("swift", lambda: swift.start(run.run_folder()))
    if "missing" in values:
        pytest.skip(values["missing"])
    return swift.as_server(values)


@pytest.fixture(scope="session")
def moto_server() -> buckets.S3Server:
    """The run's moto server: checks no digest, knows Object Lock and policies of buckets."""
    values = run.once("moto", lambda: buckets.start_moto(run.run_folder()))
    return buckets.S3Server(**values)


@pytest.fixture
def bucket(swift_server: buckets.S3Server) -> buckets.Bucket:
    """A bucket at Swift."""
    return buckets.new_bucket(swift_server)


@pytest.fixture
def moto_bucket(moto_server: buckets.S3Server) -> buckets.Bucket:
    """A bucket at moto."""
    return buckets.new_bucket(moto_server)


# ------------------------------------------------------------------ file systems


@pytest.fixture
def small_tmpfs(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mounts a tmpfs of so many bytes and returns its folder; skips where root is missing."""
    with contextlib.ExitStack() as stack:

        def mount(size_bytes: int) -> Path:
            folder = tmp_path / f"tmpfs-{size_bytes}"
            try:
                return stack.enter_context(mounts.mounted_tmpfs(folder, size_bytes))
            except mounts.MountRefusedError as error:
                pytest.skip(f"no small file system to fill: {error}")

        yield mount


@pytest.fixture(scope="session")
def strace() -> str:
    """The path of strace; skips where the system forbids tracing."""
    program = shutil.which("strace")
    if program is None:
        pytest.fail("strace is not installed: `make test` installs it, or says how.")
    attempt = subprocess.run([program, "-o", "/dev/null", "true"], capture_output=True, check=False)
    if attempt.returncode:
        pytest.skip(f"this system forbids tracing: {attempt.stderr.decode().strip()}")
    return program
