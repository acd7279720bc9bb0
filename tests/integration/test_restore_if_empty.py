"""``restore_backup --if-empty``, as the start of a container runs it: every time, unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.test_from_nothing_offsite import lose_everything
from tests.support.backups import assert_refused, make, more_settings
from tests.support.content import content, digest
from tests.support.restores import beside, undoable
from tests.support.sites import Site

SECOND = "DATABASES['stock'] = {'ENGINE': 'django.db.backends.sqlite3', 'NAME': %r}"


@pytest.fixture
def there(any_site: Site, tmp_path: Path) -> str:
    """The address of a copy of the site's only backup."""
    url = (tmp_path / "offsite").as_uri()
    make(any_site, "--to", url)
    return url


def at_start(site: Site, url: str, *more: str) -> list[str]:
    return ["restore_backup", "latest", "--from", url, "--if-empty", *more]


@pytest.mark.parametrize("migrated", [False, True])
def test_an_empty_database_is_brought_up_once(any_site: Site, there: str, migrated: bool) -> None:
    then = content(any_site)
    lose_everything(any_site)
    if migrated:
        any_site.manage("migrate", "--verbosity", "0")
    first = any_site.manage(*at_start(any_site, there))
    assert "is that of backup" in first.stdout
    assert content(any_site) == then
    assert "nothing was restored" in any_site.manage(*at_start(any_site, there)).stdout
    assert content(any_site) == then


def test_a_database_in_use_is_left_alone_and_no_destination_is_asked(any_site: Site) -> None:
    before = digest(any_site)
    found = any_site.manage(*at_start(any_site, "s3://nowhere/shop", "--json")).json
    assert found == {"id": None, "databases": {}}
    assert digest(any_site) == before
    assert undoable(any_site) == []
    # Newer code is no fault of the database.
    any_site.query("DELETE FROM django_migrations WHERE app = 'sessions'")
    any_site.query("DROP TABLE django_session")
    any_site.manage(*at_start(any_site, "s3://nowhere/shop"))


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("DROP TABLE shop_cartitem", "shop_cartitem"),
        ("DELETE FROM django_migrations", "no migration was ever run"),
    ],
)
def test_a_half_filled_database_is_refused(
    any_site: Site, there: str, statement: str, why: str
) -> None:
    any_site.query(statement)
    before = digest(any_site)
    refused = any_site.manage(*at_start(any_site, there), check=False)
    assert_refused(refused, "'default' is half-filled", why)
    assert digest(any_site) == before
    assert beside(any_site) == []


def test_of_two_databases_one_empty_is_refused_until_the_operator_names_one(
    sqlite_site: Site, tmp_path: Path
) -> None:
    more_settings(sqlite_site, SECOND % str(tmp_path / "stock.sqlite3"))
    nowhere = "s3://nowhere/shop"
    refused = sqlite_site.manage(*at_start(sqlite_site, nowhere), check=False)
    assert_refused(refused, "'stock' is empty", "--database")
    sqlite_site.manage(*at_start(sqlite_site, nowhere, "--database", "default"))


@pytest.mark.parametrize("option", [["--into", "side"], ["--trust-manifest"]])
def test_what_somebody_must_answer_for_is_refused(sqlite_site: Site, option: list[str]) -> None:
    refused = sqlite_site.manage(*at_start(sqlite_site, "s3://nowhere/shop", *option), check=False)
    assert_refused(refused, "--if-empty", option[0])


def test_what_holds_no_database_is_refused(sqlite_site: Site, tmp_path: Path) -> None:
    url = (tmp_path / "offsite").as_uri()
    made = make(sqlite_site, "--type", "media", "--to", url)
    lose_everything(sqlite_site)
    refused = sqlite_site.manage(
        "restore_backup", made["id"], "--from", url, "--if-empty", check=False
    )
    assert_refused(refused, "--if-empty is of databases")
