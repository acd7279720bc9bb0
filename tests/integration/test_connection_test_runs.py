"""Case S6: a connection test is a run: followed on its form, stopped, and over whatever answers."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PASSWORD, serving
from tests.support.backups import wait_for
from tests.support.destination_forms import CANARY, PAGES, sftp_form
from tests.support.sites import Site
from tests.support.uploads import Visitor

LOOK = """
import json
from trustbackup.models import Run
from trustbackup.runs.queue import fail_stale_runs
fail_stale_runs()
print(json.dumps({run.target: {
    "id": str(run.pk), "state": run.state, "options": run.options, "error": run.error,
    "steps": run.outcome.get("steps", []), "process": run.process,
    "seconds": run.finished and (run.finished - run.started).total_seconds(),
} for run in Run.objects.all()}))
"""


def shell(site: Site, code: str) -> Any:
    return site.manage("shell", "--verbosity", "0", "-c", code)


def look(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = shell(site, LOOK).json
    return found


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a server that does this with each connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def one(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            answer(connection)

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _address = listener.accept()
                threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.close()


def drip_of_banner(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"welcome\r\n")
        time.sleep(0.2)


@pytest.fixture
def visitor(sqlite_site: Site) -> Iterator[Visitor]:
    with serving(sqlite_site) as served:
        visitor = Visitor(served.address)
        visitor.log_in("operator", PASSWORD)
        yield visitor


def send(visitor: Visitor, address: str, **fields: Any) -> tuple[int, dict[str, str], str]:
    token = {"csrfmiddlewaretoken": visitor.token(f"{PAGES}add/folder/")}
    fields = {name: str(value) for name, value in fields.items()}
    status, headers, page = visitor.submit(address, {**token, **fields})
    return status, headers, page.decode()


def test_case_s6_a_test_is_followed_on_its_form_and_stopped(
    sqlite_site: Site, visitor: Visitor
) -> None:
    with answering(drip_of_banner) as port:
        form = sftp_form(port=port, folder="as typed", test_connection="1")
        add = f"{PAGES}add/sftp/"
        status, _headers, page = send(visitor, add, **form)
        assert status == 200
        run = look(sqlite_site)["nas"]
        assert run["state"] in ("waiting", "running"), "the page does not wait for its end"
        assert CANARY not in json.dumps(run)
        assert f"?test={run['id']}" in page, "without JavaScript the form is asked for again"
        assert f"/runs/{run['id']}/test/" in page, "with it, only the part that changes"
        followed = f"{add}?test={run['id']}"
        # The token is that of another form: it must not make this one forget what was typed.
        status, _headers, body = visitor.ask("GET", followed)
        assert (status, b'value="as typed"' in body) == (200, True)
        assert CANARY.encode() not in body
        token = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', body)
        assert token
        status, headers, _body = visitor.submit(
            f"/settings/backups/runs/{run['id']}/cancel/",
            {"csrfmiddlewaretoken": token[1].decode()},
        )
        assert (status, headers["Location"]) == (302, followed)
        wait_for(lambda: look(sqlite_site)["nas"]["state"] == "cancelled", 60)
    _status, _headers, body = visitor.ask("GET", followed)
    page = body.decode()
    assert 'http-equiv="refresh"' not in page
    assert 'value="as typed"' in page
    assert "The test was stopped." in page
    assert look(sqlite_site)["nas"]["options"].keys() == {"kind", "options"}, "no secrets any more"


def test_case_s6_what_the_test_found_is_on_its_form_and_its_runs_page(
    sqlite_site: Site, visitor: Visitor, tmp_path: Path
) -> None:
    form = {"name": "disk", "path": tmp_path / "disk", "test_connection": "1"}
    _status, _headers, page = send(visitor, f"{PAGES}add/folder/", **form)
    wait_for(lambda: look(sqlite_site)["disk"]["state"] == "succeeded", 60)
    run = look(sqlite_site)["disk"]["id"]
    if "copies can go there" not in page:  # it took longer than the page waits
        page = visitor.ask("GET", f"{PAGES}add/folder/?test={run}")[2].decode()
    for shown in (page, visitor.ask("GET", f"/settings/backups/runs/{run}/test/")[2].decode()):
        assert "copies can go there" in shown
        assert "Nothing was saved" in shown
    assert "rename" in visitor.ask("GET", f"/settings/backups/runs/{run}/")[2].decode()
