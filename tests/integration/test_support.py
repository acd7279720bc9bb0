"""The ground the other tests stand on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.support import clusters, processes, run
from tests.support.backups import more_settings, wait_for
from tests.support.sites import CHECKOUT, Site


def test_a_site_holds_the_sample_data_and_a_test_may_spoil_it(any_site: Site) -> None:
    assert any_site.query("SELECT count(*) FROM shop_order") == [(50,)]
    any_site.query("DROP TABLE shop_orderitem")
    any_site.query("DELETE FROM shop_order")


def test_the_next_test_gets_the_sample_data_again(any_site: Site) -> None:
    assert any_site.query("SELECT count(*) FROM shop_order") == [(50,)]


def test_everything_in_a_postgres_site_belongs_to_its_own_role(postgres_site: Site) -> None:
    owners = postgres_site.query(
        "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    )
    assert postgres_site.database
    assert owners == [(postgres_site.database.user,)]


def test_a_command_sees_nothing_of_the_developers_environment(
    sqlite_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:////nowhere/at/all")
    monkeypatch.setenv("PGPASSWORD", "canary")
    script = "import os; print(sorted(name for name in os.environ if name.startswith('PG')))"
    assert sqlite_site.manage("shell", "--no-imports", "-c", script).stdout == "[]\n"


def test_settings_that_change_within_a_second_are_read(sqlite_site: Site) -> None:
    """Python compares second and size, and a port is as long as another."""
    read = ("shell", "--no-imports", "-c", "from django.conf import settings; print(settings.PORT)")
    for port in ("40001", "40002"):
        more_settings(sqlite_site, f"PORT = {port}")
        os.utime(sqlite_site.home / "more_settings.py", (1, 1))
        assert sqlite_site.manage(*read).stdout == f"{port}\n"


def test_a_command_that_takes_too_long_is_killed_with_all_its_children(sqlite_site: Site) -> None:
    script = "import subprocess; subprocess.run(['sleep', '321.5'])"
    with pytest.raises(AssertionError, match="still running after 3 s"):
        sqlite_site.manage("shell", "--no-imports", "-c", script, timeout=3)
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert "sleep 321.5" not in running.stdout.splitlines()


LEAVING = """
import subprocess

DETACHED = "import subprocess; subprocess.Popen(['sleep', '987'], stdout=-3, stderr=-3)"

def leave(site):
    subprocess.Popen(["sleep", "987"], cwd=site.folder, start_new_session=True)
    site.start("shell", "--no-imports", "-c", "import time; time.sleep(987)")
    site.manage("shell", "--no-imports", "-c", DETACHED)

def test_passing(sqlite_site):
    leave(sqlite_site)

def test_failing(sqlite_site):
    leave(sqlite_site)
    assert not "here"
"""


@pytest.mark.parametrize("name", ["passing", "failing"])
def test_whatever_a_test_starts_ends_with_it(name: str, tmp_path: Path) -> None:
    (tmp_path / "test_leaving.py").write_text(LEAVING)
    base = tmp_path / "base"
    options = [
        *("-p", "tests.conftest", "-p", "no:cacheprovider", "-c", f"{CHECKOUT}/pyproject.toml"),
        *("--rootdir", str(tmp_path), "--basetemp", str(base), "-W", "ignore"),
    ]
    command = [sys.executable, "-m", "pytest", *options, "-k", name, "test_leaving.py"]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    environment.pop("PYTEST_XDIST_WORKER", None)
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert f"1 {name[:4]}" in done.stdout, done.stdout + done.stderr
    assert time.monotonic() - began < 300
    assert [processes.command_line(pid) for pid in processes.working_in(base)] == []


def test_what_began_since_the_others_were_seen_is_found(tmp_path: Path) -> None:
    before = processes.seen()
    with subprocess.Popen(["sleep", "60"], cwd=tmp_path) as process:
        try:
            assert processes.working_in(tmp_path, before) == [process.pid]
        finally:
            process.kill()


def test_a_folders_processes_are_not_those_of_one_whose_name_goes_on(tmp_path: Path) -> None:
    for name in ("test_1", "test_10"):
        (tmp_path / name).mkdir()
    with subprocess.Popen(["sleep", "60"], cwd=tmp_path / "test_10") as process:
        try:
            assert processes.working_in(tmp_path / "test_1") == []
            assert processes.working_in(tmp_path / "test_10") == [process.pid]
        finally:
            process.kill()


def test_a_private_cluster_can_be_killed_and_started_again(
    private_cluster: clusters.Cluster,
) -> None:
    private_cluster.stop("immediate")
    assert private_cluster.pid is None
    with pytest.raises(psycopg.OperationalError):
        private_cluster.execute("SELECT 1")
    private_cluster.start()
    assert private_cluster.execute("SELECT 1") == [(1,)]
    pid = private_cluster.pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: private_cluster.pid is None)


def test_a_role_signs_in_with_its_own_password_alone(
    postgres_cluster: clusters.Cluster, postgres_database: clusters.Database
) -> None:
    assert postgres_database.execute("SELECT current_user") == [(postgres_database.user,)]
    for one, wrong in {
        postgres_database.user: postgres_cluster.password,
        postgres_cluster.superuser: postgres_database.password,
    }.items():
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            postgres_cluster.connect(user=one, password=wrong)


def test_what_has_no_room_in_memory_is_on_the_disk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(run, "MEMORY", tmp_path)
    in_memory = Path(run.new_memory_folder())
    assert in_memory == tmp_path / run.run_folder().name
    assert in_memory.stat().st_mode & 0o777 == 0o711
    monkeypatch.setattr(run, "ENOUGH_BYTES", 1 << 62)
    assert run.new_memory_folder() == str(run.run_folder())
    monkeypatch.setattr(run, "MEMORY", tmp_path / "not there")
    assert run.new_memory_folder() == str(run.run_folder())


def test_databases_go_with_the_role_that_made_them(postgres_cluster: clusters.Cluster) -> None:
    with clusters.new_database(postgres_cluster) as database:
        database.execute(f"CREATE DATABASE {database.name}_beside")
    left = postgres_cluster.execute(
        "SELECT datname FROM pg_database WHERE datname LIKE %s", parameters=[f"{database.name}%"]
    )
    assert left == []


def test_a_small_file_system_is_full_where_it_says(small_tmpfs: Callable[[int], Path]) -> None:
    file = small_tmpfs(1024 * 1024) / "file"
    with pytest.raises(OSError, match="No space left"):
        file.write_bytes(bytes(1024 * 1024 + 1))
