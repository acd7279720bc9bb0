"""Promise 7, from each kind of destination: a URL, credentials, one command, the shop is back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.backups import leftovers, listed, make
from tests.support.content import content
from tests.support.places import KINDS, place_for
from tests.support.restores import (
    beside,
    go_on,
    lose_database,
)
from tests.support.sites import Site


def lose_everything(site: Site) -> None:
    """An empty database that was never migrated, and no backup folder."""
    shutil.rmtree(site.backups)
    lose_database(site)


@pytest.mark.parametrize("kind", KINDS)
def test_from_nothing_but_a_url_and_credentials_the_whole_shop_comes_back(
    any_site: Site, tmp_path: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    place = place_for(any_site, kind, request, tmp_path)
    make(any_site)
    go_on(any_site)
    then = content(any_site)
    newest = make(any_site, "--to", place.url, "--keep")
    assert [copied["error"] for copied in newest["copies"]] == [""]
    lose_everything(any_site)
    any_site.manage("restore_backup", "latest", "--from", place.url)
    assert content(any_site) == then
    assert beside(any_site) == []
    any_site.manage("migrate", "--check")
    (row,) = listed(any_site)
    assert (row["id"], row["state"], row["signature"]) == (newest["id"], "complete", "ours")
    assert row["protected"], "its marks came along"
    assert leftovers(any_site.backups) == []
