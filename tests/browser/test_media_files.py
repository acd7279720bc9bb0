"""The uploaded files of a backup, clicked through: found, downloaded, put back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import PASSWORD, Served, ended
from tests.support.backups import make
from tests.support.media import MEDIA

if TYPE_CHECKING:
    from playwright.sync_api import Page


def fill(media: Path) -> None:
    (media / "products" / "albums").mkdir(parents=True, exist_ok=True)
    for number in range(120):
        (media / "products" / f"cup-{number:03}.jpg").write_bytes(os.urandom(2000 + number))
    (media / "products" / "albums" / "plate.txt").write_text("plate")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_file_is_found_downloaded_and_put_back(
    shop: Served, tmp_path: Path, scripts: bool
) -> None:
    media = shop.site.media
    fill(media)
    made = make(shop.site, *MEDIA, "--incremental")
    page = shop.sign_in(java_script_enabled=scripts)
    shop.go(page, f"backup/{made['id']}/")
    page.get_by_role("link", name="Look through its files").click()
    page.get_by_role("link", name="products/").click()
    page.get_by_text("Page 1 of 2").wait_for()
    page.get_by_role("link", name="Next").click()
    page.get_by_text("cup-119.jpg", exact=True).wait_for()
    page.get_by_label("Search in this folder").fill("PLATE")
    page.get_by_role("button", name="Search").click()
    page.get_by_text("albums/plate.txt").wait_for()
    assert _downloaded(page, "Download albums/plate.txt", tmp_path) == b"plate"
    page.get_by_role("link", name="Show all").click()
    assert _downloaded(page, "Download this folder (zip)", tmp_path)[:2] == b"PK"

    (media / "products" / "albums" / "plate.txt").write_text("broken")
    page.get_by_role("link", name="Put albums back").click()
    page.get_by_label("is replaced always").check()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Put back").click()
    ended(page)
    page.get_by_text("media: 1 file put back").wait_for()
    assert (media / "products" / "albums" / "plate.txt").read_text() == "plate"


def _downloaded(page: Page, link: str, tmp_path: Path) -> bytes:
    with page.expect_download() as started:
        page.get_by_role("link", name=link, exact=True).click()
    started.value.save_as(tmp_path / "file")
    return (tmp_path / "file").read_bytes()
