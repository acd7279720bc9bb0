"""What `make demo` says before it starts, when it cannot start."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

from tests.support.clusters import Database
from tests.support.sites import CHECKOUT

SCRIPT = CHECKOUT / "scripts" / "demo_checks.py"


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error", **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_one_sentence(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("make demo: ")
    assert len(result.stderr.splitlines()) == 1
    for word in words:
        assert word in result.stderr


def test_it_says_when_the_port_is_taken() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        assert_one_sentence(run("port", port), port, "PORT=")


def test_it_says_when_the_port_is_no_port() -> None:
    for port in ("0", "65536", "http", "-1"):
        assert_one_sentence(run("port", port), f"PORT={port}")


def test_it_lets_an_existing_database_be(postgres_database: Database) -> None:
    result = run("database", DATABASE_URL=postgres_database.url)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_it_makes_a_missing_database(postgres_database: Database) -> None:
    cluster, name = postgres_database.cluster, f"{postgres_database.name} 100%"
    url = cluster.url(name, postgres_database.user, postgres_database.password)
    result = run("database", DATABASE_URL=url)
    assert result.returncode == 0, result.stderr
    assert cluster.execute("SELECT current_database()", name) == [(name,)]


def test_it_says_when_the_role_may_not_make_the_database(postgres_database: Database) -> None:
    cluster, user = postgres_database.cluster, postgres_database.user
    cluster.execute(f"ALTER ROLE {user} NOCREATEDB")
    url = cluster.url("not_there", user, postgres_database.password)
    assert_one_sentence(run("database", DATABASE_URL=url), '"not_there"', "permission denied")


def test_it_says_when_the_password_is_wrong_and_does_not_repeat_it(
    postgres_database: Database,
) -> None:
    cluster, user = postgres_database.cluster, postgres_database.user
    result = run("database", DATABASE_URL=cluster.url("shop", user, "canary-of-a-secret"))
    assert_one_sentence(result, "password authentication failed")
    assert "canary" not in result.stderr


def test_it_says_when_the_address_is_none_and_does_not_repeat_it() -> None:
    for address in ("postgres://u:canary%zz@127.0.0.1/shop", "postgres://u:canary@[::1/shop"):
        result = run("database", DATABASE_URL=address)
        assert_one_sentence(result, "DATABASE_URL")
        assert "canary" not in result.stderr


def test_it_says_when_the_server_is_down() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"postgres://shop:canary@127.0.0.1:{bound.getsockname()[1]}/shop"
        result = run("database", DATABASE_URL=url)
    assert_one_sentence(result, "refused")
    assert "canary" not in result.stderr
