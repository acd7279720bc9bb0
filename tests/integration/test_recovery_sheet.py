"""The recovery sheet: a stranger brings the shop back with it and the secrets that it names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.support import offsite, sshd
from tests.support.backups import make, more_settings
from tests.support.clusters import Cluster, Database
from tests.support.content import content
from tests.support.index import backup_folder, put
from tests.support.places import sftp_password
from tests.support.sites import CHECKOUT, SECRET_KEY, Site
from trustbackup.models import AuditEvent

SAID = """
TRUSTBACKUP = {
    **TRUSTBACKUP,
    "SECRETS_KEPT": {"SECRET_KEY": "the safe", "DATABASE_URL": "the safe, second shelf"},
    "RECOVERY_NOTES": "Code: git.example.com/shop.",
    "VERSION": "7.1",
}
"""


def follow(sheet: dict[str, Any], site: Site, answers: str, **environment: str) -> None:
    """Type what the sheet says, as it says it; of several places the first that answers counts."""
    variables = {
        **site.environment(),
        **environment,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    for source in sheet["places"]:
        variables.update(dict(source["settings"]))
    for step in sheet["steps"]:
        ended = []
        for command in step["commands"]:
            result = subprocess.run(
                command,
                shell=True,
                cwd=CHECKOUT,
                env=variables,
                input=answers,
                capture_output=True,
                text=True,
                start_new_session=True,
                timeout=120,
            )
            ended.append(result)
            if "--from" in command and result.returncode == 0:
                break
        alternatives = any("--from" in command for command in step["commands"])
        good = [result.returncode == 0 for result in ended]
        assert any(good) if alternatives else all(good), (step, ended)


def sheet_of(site: Site, *secrets: str) -> dict[str, Any]:
    """The sheet; none of these is on it, in neither form."""
    found = site.manage("recovery_sheet", "--json").json
    text = site.manage("recovery_sheet").stdout
    for secret in (SECRET_KEY, *secrets):
        assert secret not in text
        assert secret not in str(found)
    for step in found["steps"]:
        for command in step["commands"]:
            assert command in text
    assert "Code: git.example.com/shop." in text
    assert found["versions"]["site"] == "7.1"
    return found


def test_promise_7_a_shop_on_sqlite_comes_back_by_its_sheet(
    sqlite_site: Site, tmp_path: Path
) -> None:
    more_settings(sqlite_site, SAID)
    offsite.add(sqlite_site, tmp_path / "gone", name="a-first")
    offsite.add(sqlite_site, tmp_path / "another disk", name="disk")
    then = content(sqlite_site)
    make(sqlite_site)
    sheet = sheet_of(sqlite_site)
    assert [source["name"] for source in sheet["places"]] == ["a-first", "disk"]
    for lost in (sqlite_site.folder, tmp_path / "gone"):
        shutil.rmtree(lost)
    folder = tmp_path / "new machine"
    new = Site(folder, f"sqlite:///{folder / 'db.sqlite3'}")
    follow(sheet, new, "", SECRET_KEY=SECRET_KEY)
    assert content(new) == then


def test_promise_7_a_shop_on_postgresql_comes_back_on_a_new_server_by_its_sheet(
    postgres_site: Site,
    private_cluster: Cluster,
    shared_sshd: sshd.Server,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    more_settings(postgres_site, SAID)
    place = sftp_password(request, tmp_path)
    secret = place.variables["TRUSTBACKUP_SFTP_PASSWORD"]
    options = {
        "host": shared_sshd.host,
        "port": shared_sshd.port,
        "user": shared_sshd.user.name,
        "folder": f"{shared_sshd.home}/{tmp_path.name}",
        "host_key": place.variables["TRUSTBACKUP_SFTP_HOST_KEY"],
    }
    offsite.save(postgres_site, "nas", "sftp", options, {"password": secret})
    then = content(postgres_site)
    make(postgres_site, "--to", "nas")
    database = postgres_site.database
    assert database is not None
    sheet = sheet_of(postgres_site, secret, database.password)
    needed = {item["name"]: item["stored_at"] for item in sheet["secrets"]}
    assert needed["SECRET_KEY"] == "the safe"
    assert {"TRUSTBACKUP_SFTP_PASSWORD", "DATABASES['default']['PASSWORD']"} <= set(needed)
    (facts,) = sheet["databases"]
    assert (facts["engine"], facts["extensions"]) == ("postgresql", [])
    shutil.rmtree(postgres_site.folder)

    there = Database(
        cluster=private_cluster, name=database.name, user=database.user, password="a new one"
    )
    folder = tmp_path / "new machine"
    new = Site(folder, there.url, there)
    superuser = {
        "PGHOST": private_cluster.host,
        "PGPORT": str(private_cluster.port),
        "PGUSER": private_cluster.superuser,
        "PGPASSWORD": private_cluster.password,
    }
    follow(
        sheet,
        new,
        f"{there.password}\n{there.password}\n",
        SECRET_KEY=SECRET_KEY,
        TRUSTBACKUP_SFTP_PASSWORD=secret,
        **superuser,
    )
    assert content(new) == then


def test_its_age_is_known_and_whether_it_is_still_true(sqlite_site: Site, tmp_path: Path) -> None:
    more_settings(sqlite_site, SAID)
    assert sqlite_site.manage("recovery_sheet", "--json").json["printed"] is None
    printed = sqlite_site.manage("recovery_sheet", "--printed", "--json").json["printed"]
    assert printed["still_true"]
    make(sqlite_site)
    offsite.add(sqlite_site, tmp_path / "another disk")
    assert not sqlite_site.manage("recovery_sheet", "--json").json["printed"]["still_true"]
    sqlite_site.manage("recovery_sheet", "--printed")
    before = sqlite_site.manage("recovery_sheet", "--json").json["printed"]
    assert before["still_true"]
    sqlite_site.manage("restore_backup", "latest", "--force")
    after = sqlite_site.manage("recovery_sheet", "--json").json["printed"]
    assert after == before, "no restore forgets it"


@pytest.mark.django_db(transaction=True)
def test_the_page_shows_the_sheet_and_notes_that_it_was_printed(
    operator: Client, folder: Path, client: Client
) -> None:
    path, front = "/settings/backups/recovery-sheet/", "/settings/backups/"
    folder.parent.mkdir()
    put(backup_folder(folder), 1)
    assert "Nobody has printed the recovery sheet" in operator.get(front).content.decode()
    page = operator.get(path).content.decode()
    assert "Nobody has printed the recovery sheet" in page
    assert "SECRET_KEY" in page
    assert "python manage.py restore_backup latest" in page
    german = operator.get(path, headers={"accept-language": "de"}).content.decode()
    assert "SECRET_KEY</code> (Signaturen, versiegelte Geheimnisse)" in german
    answer = operator.post(path, follow=True)
    assert "It is noted" in answer.content.decode()
    assert "Nobody has printed" not in answer.content.decode()
    noted = AuditEvent.objects.newest("print recovery sheet")
    assert noted is not None
    assert noted.actor == "operator"
    said = operator.get(front).content.decode()
    assert "Nobody has printed" not in said
    assert "The recovery sheet was printed just now." in said.replace("\xa0", " ")
    watcher = User.objects.create_user("watcher", password="a password")
    watcher.user_permissions.add(Permission.objects.get(codename="view_backup"))
    other = Client()
    other.force_login(watcher)
    assert other.get(path).status_code == 403
    assert other.post(path).status_code == 403
