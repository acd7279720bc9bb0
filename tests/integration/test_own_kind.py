"""A kind of destination that a site adds: one file, and one line of settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.support.backups import make, more_settings
from tests.support.content import digest
from tests.support.offsite import save
from tests.support.restores import go_on, restore
from tests.support.sites import Site
from trustbackup import checks
from trustbackup.destinations.registry import kinds
from trustbackup.exceptions import ConfigurationError
from trustbackup.models import Destination
from trustbackup.operations.offsite.targets import open_secrets

OWN = "tests.support.table_kind.KIND"
PAGES = "/settings/backups/destinations/"


@pytest.fixture
def site(sqlite_site: Site) -> Site:
    more_settings(sqlite_site, f"TRUSTBACKUP = {{**TRUSTBACKUP, 'DESTINATION_KINDS': [{OWN!r}]}}")
    sqlite_site.variables["TABLE_PASSWORD"] = "sesame"
    return sqlite_site


def test_a_site_s_own_kind_creates_lists_checks_and_restores(site: Site, tmp_path: Path) -> None:
    url = f"table://{tmp_path}/copies.sqlite3?shelf=1"
    tested = site.manage("test_destination", url, "--json").json
    assert [step["name"] for step in tested["steps"]] == ["write", "delete"]
    assert tested["ok"]
    made = make(site, "--to", url)
    then = digest(site)
    assert [copied["error"] for copied in made["copies"]] == [""]
    (there,) = site.manage("list_backups", "--at", url, "--json").json
    assert (there["id"], there["complete"]) == (made["id"], True)
    assert site.manage("verify_backup", made["id"], "--at", url, "--json").returncode == 0
    assert site.manage("sync_backups", url, "--json").json[0]["both"] == [made["id"]]
    for path in site.backups.glob("backup_*"):
        path.unlink()
    go_on(site)
    restore(site, made["id"], "--from", url)
    assert digest(site) == then


def test_a_saved_one_of_a_site_s_own_kind_is_used_by_its_name(site: Site, tmp_path: Path) -> None:
    options = {"database": str(tmp_path / "copies.sqlite3"), "shelf": 2}
    save(site, "shelf", "table", options, {"password": "sesame"})
    made = make(site, "--to", "shelf")
    assert [copied["error"] for copied in made["copies"]] == [""]
    assert site.manage("list_backups", "--at", "shelf", "--json").json[0]["id"] == made["id"]


@pytest.mark.usefixtures("runs_at_once")
def test_the_page_has_a_form_a_test_and_a_name_for_it(
    client: Client, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "backups").mkdir()
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path / "backups", "DESTINATION_KINDS": [OWN]}
    client.force_login(User.objects.create_superuser("operator", password="a password"))
    assert "Table of copies" in client.get(PAGES).content.decode()
    page = client.get(f"{PAGES}add/table/").content.decode()
    for name, kind in (("database", "text"), ("password", "password"), ("shelf", "number")):
        assert f'<input type="{kind}" name="{name}"' in page
    data = {
        "name": "shelf",
        "database": str(tmp_path / "x.sqlite3"),
        "password": "wrong",
        "shelf": "3",
    }
    answer = client.post(f"{PAGES}add/table/", {**data, "test_connection": "1"})
    assert "the password is wrong" in answer.content.decode()
    answer = client.post(
        f"{PAGES}add/table/", {**data, "password": "sesame", "test_connection": "1"}
    )
    assert answer.context["result"].ok
    assert client.post(f"{PAGES}add/table/", {**data, "password": "sesame"}).status_code == 302
    row = Destination.objects.get()
    assert (row.kind, row.options["shelf"]) == ("table", 3)
    assert open_secrets(row) == {"password": "sesame"}
    listing = client.get(PAGES).content.decode()
    assert "sesame" not in listing
    assert f"table://{tmp_path}/x.sqlite3?shelf=3" in listing
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path / "backups"}
    assert client.get(PAGES).status_code == 200, "a kind that the site knows no more"
    assert client.get(f"{PAGES}shelf/").status_code == 404
    assert client.get(f"{PAGES}add/table/").status_code == 404


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("tests.support.nothing.KIND", "tests.support.nothing"),
        ("tests.support.table_kind.TABLE", "no DestinationKind"),
        ("trustbackup.destinations.sftp.KIND", "another kind has its name"),
        ("nonsense", "doesn't look like a module path"),
    ],
)
def test_a_kind_that_is_none_is_a_sentence(path: str, why: str, settings: Any) -> None:
    with pytest.raises(ConfigurationError, match="DESTINATION_KINDS") as caught:
        kinds([path])
    assert why in str(caught.value)
    settings.TRUSTBACKUP = {"BACKUP_DIR": "/nowhere", "DESTINATION_KINDS": [path]}
    assert [message.id for message in checks.check_settings()] == ["trustbackup.E001"]
