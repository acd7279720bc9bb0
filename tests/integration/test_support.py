"""The ground the other tests stand on."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.support import clusters
from tests.support.sites import Site


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


def test_a_command_that_takes_too_long_is_killed_with_all_its_children(sqlite_site: Site) -> None:
    script = "import subprocess; subprocess.run(['sleep', '321.5'])"
    with pytest.raises(AssertionError, match="still running after 3 s"):
        sqlite_site.manage("shell", "--no-imports", "-c", script, timeout=3)
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert "sleep 321.5" not in running.stdout.splitlines()


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
    deadline = time.monotonic() + 10
    while private_cluster.pid and time.monotonic() < deadline:
        time.sleep(0.05)
    assert private_cluster.pid is None


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
