"""The page of backups whose data is elsewhere only: said, not offered, and brought back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.backups import listed, make, more_settings
from tests.support.offsite import add, shell
from tests.support.sites import Site

LOOK = """
import html, json
from django.contrib.auth.models import User
from django.test import Client
from trustbackup.models import Run
from trustbackup.runs import queue
from trustbackup.runs.execute import execute
user, _new = User.objects.get_or_create(username="looker", is_superuser=True, is_staff=True)
client = Client(SERVER_NAME="localhost")
client.force_login(user)
# The run is carried here instead of in a process of its own, so that its end is seen.
queue.enqueue = lambda *_run: None
chosen = {"selected": "IDENTIFIER"}
BASE = "/settings/backups/"

def text(answer):
    return [answer.status_code, html.unescape(answer.content.decode(errors="replace"))]

found = {
    "list": text(client.get(BASE)),
    "detail": text(client.get(BASE + "backup/IDENTIFIER/")),
    "restore": text(client.get(BASE + "backup/IDENTIFIER/restore/")),
    "bundle": text(client.post(BASE + "bundle/zip/", chosen, follow=True)),
    "fetch": text(client.post(BASE + "act/fetch/", chosen, follow=True)),
}
run = Run.objects.get(action="fetch")
execute(run.id)
run.refresh_from_db()
found["run"] = [run.state, run.error]
found["after"] = text(client.get(BASE))
print(json.dumps(found))
"""


@pytest.fixture
def offloaded(tmp_path: Path) -> Path:
    return tmp_path / "copies"


def look(site: Site, identifier: str) -> Any:
    return json.loads(shell(site, LOOK.replace("IDENTIFIER", identifier)))


def test_it_is_said_where_the_data_is_and_a_button_brings_it_back(
    any_site: Site, offloaded: Path
) -> None:
    add(any_site, offloaded)
    more_settings(any_site, "TRUSTBACKUP = {**TRUSTBACKUP, 'KEEP_LOCAL': 0}")
    made = make(any_site)
    file = made["files"][0]["file"]
    found = look(any_site, made["id"])
    for page in ("list", "detail", "restore", "bundle", "fetch", "after"):
        assert found[page][0] == 200, found[page]
    page = found["list"][1]
    assert "not protected yet" not in page
    assert '<span class="tb-chip tb-offloaded">offloaded</span>' in page
    assert '<span class="tb-chip">here</span>' not in page
    assert "Bring its data back" in page
    assert f"/download/{file}" not in page
    assert "it was dropped once it was at disk" in found["detail"][1]
    assert "is at disk only: it is fetched and checked first" in found["restore"][1]
    assert "Replace the live database" in found["restore"][1]
    assert "its data is at disk only. Bring it back first" in found["bundle"][1]
    assert found["run"] == ["succeeded", ""]
    assert '<span class="tb-chip">here</span>' in found["after"][1]
    assert [row["state"] for row in listed(any_site)] == ["complete"]


def test_what_can_not_be_brought_back_is_a_failed_run(sqlite_site: Site, offloaded: Path) -> None:
    add(sqlite_site, offloaded)
    more_settings(sqlite_site, "TRUSTBACKUP = {**TRUSTBACKUP, 'KEEP_LOCAL': 0}")
    made = make(sqlite_site)
    offloaded.rename(offloaded.with_name("unplugged"))
    found = look(sqlite_site, made["id"])
    state, error = found["run"]
    assert state == "failed"
    assert "is at disk only" in error
    assert "there is no folder" in error
    assert [row["state"] for row in listed(sqlite_site)] == ["offloaded"]
