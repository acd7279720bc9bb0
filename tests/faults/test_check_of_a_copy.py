"""A check of a copy: what can't be read is no verdict, what is wrong, short or missing is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import sshd
from tests.support.backups import assert_refused, make
from tests.support.offsite import look, save, shell
from tests.support.proxy import Proxy, reset_after, running_proxy
from tests.support.sites import Site

CARRY = """
import datetime
from trustbackup.models import Run
from trustbackup.runs.execute import execute
run = Run.objects.create(
    action="verify_copy", options={"backups": ["ID"], "at": "nas"}, state="waiting",
    started=datetime.datetime.now(datetime.UTC),
)
execute(run.id)
run.refresh_from_db()
print(run.state, run.error)
"""


@pytest.fixture
def server(new_sshd: Callable[..., sshd.Server]) -> sshd.Server:
    return new_sshd()


@pytest.fixture
def proxy(server: sshd.Server) -> Iterator[Proxy]:
    with running_proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def made(sqlite_site: Site, server: sshd.Server, proxy: Proxy, tmp_path: Path) -> dict[str, Any]:
    """A backup with a copy at an SFTP server, which was verified."""
    server.authorize(sshd.new_key(tmp_path / "key", "ed25519"))
    options = {
        "host": server.host,
        "port": proxy.port,
        "user": server.user.name,
        "folder": "copies",
        "host_key": server.host_key(),
        "timeout": 20,
    }
    save(sqlite_site, "nas", "sftp", options, {"private_key": (tmp_path / "key").read_text()})
    made = make(sqlite_site, "--to", "nas")
    sqlite_site.manage("verify_backup", made["id"], "--at", "nas")
    assert look(sqlite_site)["copies"] == [["verified", 1, ""]]
    return made


def test_fault_26_a_lost_connection_says_nothing_about_the_copy(
    sqlite_site: Site, made: dict[str, Any], proxy: Proxy
) -> None:
    proxy.down = reset_after(made["files"][0]["bytes"] // 2)
    lost = sqlite_site.manage("verify_backup", made["id"], "--at", "nas", "--json", check=False)
    assert_refused(lost, "was lost")
    assert look(sqlite_site)["copies"] == [["verified", 1, ""]]
    said = shell(sqlite_site, CARRY.replace("ID", made["id"]))
    assert said.startswith("failed ")
    assert "was lost" in said
    found = look(sqlite_site)
    assert found["copies"] == [["verified", 1, ""]]
    assert [state for action, state in found["runs"] if "verify" in action][1:] == [
        "failed",
        "failed",
    ]


def test_fault_29_revoked_credentials_say_nothing_about_the_copy(
    sqlite_site: Site, made: dict[str, Any], server: sshd.Server
) -> None:
    (server.folder / "authorized_keys").write_text("")
    result = sqlite_site.manage("verify_backup", made["id"], "--at", "nas", check=False)
    assert_refused(result, "private key")
    assert look(sqlite_site)["copies"] == [["verified", 1, ""]]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (flip, "corrupt"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "bytes instead of"),
        (Path.unlink, "is missing"),
    ],
    ids=["wrong", "short", "missing"],
)
def test_fault_31_a_wrong_short_or_missing_file_fails_the_copy(
    sqlite_site: Site,
    made: dict[str, Any],
    server: sshd.Server,
    harm: Callable[[Path], None],
    said: str,
) -> None:
    harm(server.home / "copies" / made["files"][0]["file"])
    result = sqlite_site.manage("verify_backup", made["id"], "--at", "nas", check=False)
    assert_refused(result, said)
    ((state, _tries, problem),) = look(sqlite_site)["copies"]
    assert state == "failed"
    assert said in problem
