"""A backup before a change: of a deploy, and of ``migrate``, which stops when it fails."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db.migrations import Migration
from django.test import Client

from tests.integration.test_restore_from_nothing import add_app
from tests.support.backups import assert_refused, listed, more_settings
from tests.support.index import backup_folder, put
from tests.support.sites import Site
from trustbackup.models import Run
from trustbackup.runs.before_migrate import back_up_before_migrate

WANTED = "TRUSTBACKUP = {**TRUSTBACKUP, 'BACKUP_BEFORE_MIGRATE': True, 'VERSION': '7.1'}"


def new_migration(site: Site) -> None:
    """Code that wants another table, not migrated yet; the setting is on."""
    usual = dict(site.variables)
    add_app(site)
    settings = (site.home / "more_settings.py").read_text()
    site.manage("migrate", "parcels", "zero", "--verbosity", "0")
    site.variables.clear()
    site.variables.update(usual)
    more_settings(site, f"{settings.partition('import *')[2]}\n{WANTED}")


def test_migrate_makes_a_protected_backup_first_when_there_is_something_to_apply(
    any_site: Site,
) -> None:
    new_migration(any_site)
    said = any_site.manage("migrate").stdout
    (row,) = listed(any_site)
    assert f"Backup {row['id']} of database 'default' is made; it is protected." in said
    assert said.index(row["id"]) < said.index("Applying parcels.0001_initial")
    assert row["name"] == "before migrate parcels.0001_initial (7.1)"
    assert (row["protected"], row["trigger"]) == (True, "before")
    any_site.manage("restore_backup", row["id"], "--dry-run")
    any_site.manage("migrate", "--verbosity", "0")
    assert len(listed(any_site)) == 1, "nothing was to be applied"
    # A restore that migrates has its own ways back.
    any_site.manage("restore_backup", row["id"], "--force", "--migrate", "--no-safety-backup")
    assert len(listed(any_site)) == 1


def test_before_one_of_several_databases_is_migrated_that_one_is_backed_up(
    sqlite_site: Site,
) -> None:
    new_migration(sqlite_site)
    other = sqlite_site.folder / "other.sqlite3"
    shutil.copy(sqlite_site.sqlite_file, other)
    path = sqlite_site.home / "more_settings.py"
    more = f"DATABASES['other'] = {{**DATABASES['default'], 'NAME': {str(other)!r}}}\n"
    path.write_text(path.read_text() + more)
    sqlite_site.manage("migrate", "parcels", "--database", "other", "--verbosity", "0")
    (row,) = listed(sqlite_site)
    shown = sqlite_site.manage("show_backup", row["id"], "--json").json
    assert [part["part"] for part in shown["parts"]] == ["other"]


@pytest.mark.django_db
def test_a_database_of_djangos_tests_is_no_sites(folder: Path, settings: Any) -> None:
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "BACKUP_BEFORE_MIGRATE": True}
    wanted = [(Migration("0099_next", "shop"), False)]
    back_up_before_migrate(using="default", plan=wanted)
    assert not Run.objects.exists()


def test_migrate_stops_when_the_backup_fails(any_site: Site) -> None:
    new_migration(any_site)
    any_site.backups.mkdir(mode=0o700)
    (any_site.backups / ".drafts").write_text("a file where a folder should be")
    refused = any_site.manage("migrate", check=False)
    assert refused.returncode != 0
    assert "Nothing was migrated, because the backup before it failed" in refused.stderr
    assert any_site.manage("migrate", "--check", check=False).returncode == 1


def test_an_empty_database_has_nothing_to_lose(sqlite_site: Site) -> None:
    more_settings(sqlite_site, WANTED)
    sqlite_site.sqlite_file.unlink()
    sqlite_site.manage("migrate", "--verbosity", "0")
    assert listed(sqlite_site) == []


def test_a_backup_before_a_deploy_bears_the_version_and_is_read_back(sqlite_site: Site) -> None:
    more_settings(sqlite_site, WANTED)
    sqlite_site.manage("create_backup", "--before", "deploy", "--wait")
    (row,) = listed(sqlite_site)
    assert row["name"] == "before deploy (7.1)"
    assert (row["protected"], row["trigger"]) == (True, "before")
    assert row["checked"]["ok"]
    shown = sqlite_site.manage("show_backup", "latest", "--json").json
    assert shown["versions"]["site"] == "7.1"
    both = sqlite_site.manage("create_backup", "--before", "x", "--name", "y", check=False)
    assert_refused(both, "--before names the backup", "--name")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "trigger", "said"),
    [
        ("before deploy (7.1)", "before", "Go back to before this deploy…"),
        (
            "before migrate shop.0002 and 3 more (7.1)",
            "before",
            "Go back to before this migration…",
        ),
        ("before the sale", "before", "Go back to before this change…"),
        ("before deploy (7.1)", "command", ""),
        ("before the restore of x", "safety", ""),
    ],
)
def test_the_page_has_a_way_back_to_before_a_change(
    operator: Client, folder: Path, name: str, trigger: str, said: str
) -> None:
    folder.parent.mkdir()
    made = put(backup_folder(folder), 1, name=name, trigger=trigger)
    path = f"/settings/backups/backup/{made}/"
    ways = re.compile(rf'<a [^>]*href="{path}restore/"[^>]*>([^<]+)</a>')
    # In the list beside the backup, and in its menu, which has a way to restore in any case.
    listed_ways = ways.findall(operator.get("/settings/backups/").content.decode())
    assert listed_ways == ([said, said] if said else ["Restore…"])
    assert ways.findall(operator.get(path).content.decode()) == [said or "Restore…"]
    watcher = User.objects.create_user("watcher")
    watcher.user_permissions.add(Permission.objects.get(codename="view_backup"))
    operator.force_login(watcher)
    for page in ("/settings/backups/", path):
        assert ways.findall(operator.get(page).content.decode()) == []


@pytest.mark.django_db(transaction=True)
def test_no_way_back_leads_to_a_backup_that_is_damaged(operator: Client, folder: Path) -> None:
    folder.parent.mkdir()
    made = put(backup_folder(folder), 1, name="before deploy (7.1)", trigger="before")
    (file,) = folder.glob("*.dump.gz")
    file.unlink()
    for page in ("/settings/backups/", f"/settings/backups/backup/{made}/"):
        text = operator.get(page).content.decode()
        assert made in text
        assert "Go back to" not in text


@pytest.mark.parametrize("wrong", ["'BACKUP_BEFORE_MIGRATE': 'yes'", "'VERSION': 7"])
def test_a_wrong_setting_stops_migrate_with_a_sentence(sqlite_site: Site, wrong: str) -> None:
    new_migration(sqlite_site)
    more_settings(
        sqlite_site,
        f"INSTALLED_APPS = [*INSTALLED_APPS, 'parcels']\nTRUSTBACKUP = {{**TRUSTBACKUP, {wrong}}}",
    )
    refused = sqlite_site.manage("migrate", check=False)
    assert refused.returncode != 0
    assert wrong.partition("'")[2].partition("'")[0] in refused.stderr
