"""The page, clicked through in a real browser."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import PASSWORD, Served
from tests.support.backups import listed, make
from tests.support.content import digest
from tests.support.restores import go_on

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def tick_all(page: Page) -> None:
    for box in page.locator("tbody input[name=selected]").all():
        box.check()


def ended(page: Page, state: str = "succeeded") -> None:
    """The page that follows a run says so without being loaded again."""
    page.locator(f"#run .tb-chip.tb-{state}").wait_for(timeout=60_000)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_from_nothing_to_a_proven_backup(served: Served, browser: Browser, scripts: bool) -> None:
    page = served.sign_in(browser, java_script_enabled=scripts)
    assert page.get_by_text("This site is not protected yet").is_visible()
    page.get_by_text("New backup", exact=True).click()
    page.get_by_label("Name", exact=False).first.fill("before the sale")
    page.locator(".tb-create").get_by_role("button", name="Back up now").click()
    ended(page)
    page.get_by_role("link", name="All backups").click()
    assert page.get_by_role("link", name="before the sale").is_visible()
    page.get_by_role("button", name="Prove it now").click()
    ended(page)
    page.get_by_role("link", name="All backups").click()
    assert page.get_by_text("Everything is protected").is_visible()
    (row,) = listed(served.site)
    assert row["name"] == "before the sale"
    assert row["drilled"]["ok"]


def test_two_backups_are_bundled_kept_and_deleted(
    served: Served, browser: Browser, tmp_path: Path
) -> None:
    made = [make(served.site), make(served.site)]
    files = {Path(each["files"][0]["path"]) for each in made}
    page = served.sign_in(browser)
    for name in ("zip", "tar.gz"):
        tick_all(page)
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Download {name}").click()
        archive = tmp_path / f"bundle.{name}"
        download.value.save_as(archive)
        for path in files:
            if name == "zip":
                with zipfile.ZipFile(archive) as opened:
                    assert opened.read(path.name) == path.read_bytes()
            else:
                with tarfile.open(archive) as tar:
                    assert tar.extractfile(path.name).read() == path.read_bytes()  # type: ignore[union-attr]
    page.goto(f"{served.address}/settings/backups/")
    page.locator("tbody input[name=selected]").first.check()
    page.get_by_role("button", name="Keep").click()
    assert [row["kept"] for row in listed(served.site)] == [True, False]
    tick_all(page)
    page.get_by_role("button", name="Delete…").click()
    assert page.get_by_text("kept: it will stay").is_visible()
    page.get_by_label("Delete the last good one, too").check()
    page.get_by_role("button", name="Delete for good").click()
    assert page.get_by_text("1 backup was deleted").is_visible()
    assert len(listed(served.site)) == 1


def test_sort_and_filter(served: Served, browser: Browser) -> None:
    for name in ("alpha", "beta", "gamma"):
        make(served.site, "--name", name)
    page = served.sign_in(browser)
    names = page.locator("tbody th a")
    assert names.all_inner_texts() == ["gamma", "beta", "alpha"]
    page.get_by_role("columnheader", name="Name").get_by_role("link").click()
    page.wait_for_url("**sort=-label**")
    page.get_by_role("columnheader", name="Name").get_by_role("link").click()
    page.wait_for_url("**sort=label**")
    assert names.all_inner_texts() == ["alpha", "beta", "gamma"]
    page.get_by_label("Search").fill("bet")
    page.get_by_role("button", name="Filter").click()
    assert names.all_inner_texts() == ["beta"]
    page.get_by_role("link", name="Show all").click()
    assert names.count() == 3


def test_attack_24_restore_and_undo(served: Served, browser: Browser) -> None:
    site = served.site
    made = make(site)
    then = digest(site)
    go_on(site)
    page = served.sign_in(browser)
    now = digest(site)
    page.get_by_role("link", name=made["id"], exact=True).click()
    page.get_by_role("link", name="Restore…").click()
    expected = page.locator("form strong").inner_text()
    page.get_by_label("The database's name").fill("another")
    page.get_by_label("Your password").fill("wrong")
    page.get_by_role("button", name="Replace the live database").click()
    assert page.get_by_text("This is not the name of the database").is_visible()
    assert page.get_by_text("This is not your password").is_visible()
    assert digest(site) == now
    page.get_by_label("The database's name").fill(expected)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Replace the live database").click()
    page.get_by_label("Username").wait_for(timeout=60_000)  # everybody is signed out
    assert digest(site) == then
    served.log_in(page)
    page.get_by_role("link", name="Activity").click()
    page.get_by_role("row", name="restore").get_by_role("link").click()
    page.get_by_role("button", name="Undo").click()
    page.get_by_label("Username").wait_for(timeout=60_000)
    assert digest(site) == now
