"""A client that is generated from the description: made, and used against a server."""

from __future__ import annotations

import hashlib
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.api_server import PATH, new_token, serving
from tests.support.backups import wait_for
from tests.support.sites import Site
from trustbackup.api.description import FILE

CONFIGURATION = """
post_hooks: []
content_type_overrides:
  application/gzip: application/octet-stream
  application/zip: application/octet-stream
"""
"""The generator knows no archives, which are bytes to a client."""


@pytest.fixture
def client_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Its name; a description of which the generator leaves something out fails here."""
    name = "generated_client"
    (tmp_path / "config.yml").write_text(CONFIGURATION)
    made = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--path", str(FILE)),
            *("--output-path", str(tmp_path / name), "--meta", "none", "--fail-on-warning"),
            *("--config", str(tmp_path / "config.yml")),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    monkeypatch.syspath_prepend(tmp_path)
    return name


def test_a_generated_client_backs_up_polls_verifies_downloads_and_deletes(
    sqlite_site: Site, client_package: str
) -> None:
    def part(name: str) -> Any:
        return importlib.import_module(f"{client_package}.{name}")

    def operation(name: str) -> Any:
        return part(f"api.backups.{name}").sync_detailed

    models = part("models")
    token = new_token(sqlite_site)
    new_client = part("client").AuthenticatedClient
    with (
        serving(sqlite_site) as address,
        new_client(base_url=f"{address}{PATH}".rstrip("/"), token=token, timeout=120) as client,
    ):

        def follow(run: Any) -> Any:
            found = [run]

            def over() -> bool:
                found.append(operation("get_run")(run.id, client=client).parsed)
                return str(found[-1].state) not in ("waiting", "running")

            wait_for(over)
            assert found[-1].state == models.RunState.SUCCEEDED, found[-1].error
            return found[-1]

        def make() -> str:
            asked = models.CreateRequest(name="by a client")
            answer = operation("create_backup")(client=client, body=asked)
            assert answer.status_code == 202
            return str(follow(answer.parsed).backup)

        first = make()
        checked = operation("verify_backup")(
            first, client=client, body=models.VerifyRequest(drill=True), wait=60
        )
        assert checked.status_code == 200
        assert checked.parsed.state == models.RunState.SUCCEEDED
        backup = operation("get_backup")(first, client=client).parsed
        assert (backup.name, backup.checked_ok, backup.drilled_ok) == ("by a client", True, True)
        sent = operation("download_part")(first, "default", client=client).parsed
        assert hashlib.sha256(sent.payload.read()).hexdigest() == backup.parts[0].sha256
        another = make()
        found = operation("list_backups")(client=client, text="client", page_size=1).parsed
        assert (found.count, found.next_, found.results[0].id) == (2, 2, another)
        refused = operation("delete_backup")(first, client=client)
        assert (refused.status_code, refused.parsed.code) == (409, "trustbackup_error")
        assert follow(operation("verify_backup")(another, client=client).parsed)
        assert operation("delete_backup")(another, client=client).status_code == 204
        gone = operation("get_backup")(another, client=client)
        assert (gone.status_code, gone.parsed.code) == (404, "not_found")
