"""Case H6: what is said of sessions is true of the site's own way to keep them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.support.backups import make, more_settings
from tests.support.sites import Site
from trustbackup.operations.restore.sessions import sessions_that_stay

BACKENDS = "django.contrib.sessions.backends."


@pytest.mark.parametrize(
    ("engine", "says"),
    [
        ("db", ""),
        ("cached_db", "Clear that cache"),
        ("cache", "Clear that cache"),
        ("signed_cookies", "signed cookies"),
        ("file", "Delete the files"),
        ("no_such_engine", ""),
    ],
)
def test_case_h6_sessions_that_a_restore_does_not_end_are_named(
    settings: Any, engine: str, says: str
) -> None:
    settings.SESSION_ENGINE = BACKENDS + engine
    found = sessions_that_stay()
    assert says in found
    assert bool(found) == bool(says)


def test_case_h6_an_engine_that_nobody_knows_is_named(settings: Any) -> None:
    settings.SESSION_ENGINE = "tests.support.hosts.own_sessions"
    assert f"kept by {settings.SESSION_ENGINE}" in sessions_that_stay()


@pytest.mark.parametrize("engine", ["db", "signed_cookies"])
def test_case_h6_the_plan_warns_before(sqlite_site: Site, engine: str) -> None:
    made = make(sqlite_site)
    more_settings(sqlite_site, f"SESSION_ENGINE = '{BACKENDS}{engine}'")
    plan = sqlite_site.manage("restore_backup", made["id"], "--dry-run", "--json").json
    assert any("Sessions are in" in text for text in plan["warnings"]) == (engine != "db")


@pytest.mark.django_db
@pytest.mark.parametrize("engine", ["db", "cached_db"])
def test_case_h6_the_page_promises_only_what_happens(
    settings: Any, tmp_path: Path, engine: str
) -> None:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path}
    settings.SESSION_ENGINE = BACKENDS + engine
    (tmp_path / "backup_2026-11-20_10-00-00.dump").write_bytes(b"SQLite format 3\x00" + bytes(84))
    client = Client()
    client.force_login(User.objects.create_superuser("operator", password="a password"))
    page = client.get("/settings/backups/backup/2026-11-20_10-00-00/restore/").content.decode()
    assert "The previous one stays" in page
    assert ("Everybody but you is signed out" in page) == (engine == "db")
