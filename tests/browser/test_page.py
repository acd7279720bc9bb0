"""The main path on each engine, clicked through in a real browser."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import PASSWORD, Served, ended, press, rows, selection_button, tick_all
from tests.support.backups import listed, make
from tests.support.content import digest
from tests.support.restores import go_on

if TYPE_CHECKING:
    from playwright.sync_api import Page


def unpacked(archive: Path) -> dict[str, bytes]:
    """The files of a bundle, by their names."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as opened:
            assert opened.testzip() is None
            return {name: opened.read(name) for name in opened.namelist()}
    with tarfile.open(archive) as tar:
        return {each.name: tar.extractfile(each).read() for each in tar}  # type: ignore[union-attr]


def download(page: Page, button: str, archive: Path) -> dict[str, bytes]:
    with page.expect_download() as started:
        selection_button(page, button).click()
    started.value.save_as(archive)
    return unpacked(archive)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_the_main_path(served: Served, tmp_path: Path, scripts: bool) -> None:
    """From nothing to a proven backup; verify, bundle, keep, release, delete."""
    site = served.site
    page = served.sign_in(java_script_enabled=scripts)
    page.get_by_text("This site is not protected yet").wait_for()
    page.get_by_text("New backup", exact=True).click()
    page.get_by_label("Name", exact=True).fill("before the sale")
    page.locator(".tb-create").get_by_role("button", name="Back up now").click()
    ended(page)
    page.get_by_role("link", name="All backups").click()
    page.get_by_role("link", name="before the sale").wait_for()
    rows(page).get_by_text("this page").wait_for()
    page.get_by_role("button", name="Prove it now").click()
    ended(page)
    page.get_by_role("link", name="All backups").click()
    page.get_by_text("Everything is protected").wait_for()
    (first,) = listed(site)
    assert first["name"] == "before the sale"
    assert first["drilled"]["ok"]

    second = make(site)["id"]
    served.go(page)
    rows(page).get_by_role("checkbox").first.check()
    press(page, "Verify")
    ended(page)
    served.go(page)
    rows(page).first.get_by_text("hash checked").wait_for()

    tick_all(page)
    files = {path.name: path.read_bytes() for path in site.backups.glob("backup_*")}
    for name in ("zip", "tar.gz"):
        found = download(page, f"Download {name}", tmp_path / f"bundle.{name}")
        sums = found.pop("SHA256SUMS").decode()
        assert found == files
        dumps = {name: data for name, data in files.items() if ".dump" in name}
        lines = [f"{hashlib.sha256(data).hexdigest()}  {name}" for name, data in dumps.items()]
        assert len(dumps) == 2
        assert sorted(sums.splitlines()) == sorted(lines)

    served.go(page)
    rows(page).get_by_role("checkbox").first.check()
    press(page, "Protect")
    assert [row["protected"] for row in listed(site)] == [True, False]
    tick_all(page)
    press(page, "Delete…")
    page.get_by_text("protected: it will stay").wait_for()
    page.get_by_text("the last one that is proven to restore").wait_for()
    page.get_by_role("button", name="Delete for good").click()
    page.get_by_text("Nothing was deleted: tick the box").wait_for()
    assert len(listed(site)) == 2
    page.get_by_label("Delete the last good one, too").check()
    page.get_by_role("button", name="Delete for good").click()
    page.get_by_text("1 backup was deleted").wait_for()
    (left,) = listed(site)
    assert left["id"] == second
    rows(page).get_by_role("checkbox").check()
    press(page, "Release")
    assert not listed(site)[0]["protected"]


def test_attack_24_restore_and_undo(served: Served) -> None:
    site = served.site
    made = make(site)
    then = digest(site)
    go_on(site)
    page = served.sign_in()
    now = digest(site)
    page.get_by_role("link", name=made["id"], exact=True).click()
    page.get_by_role("link", name="Restore…").click()
    expected = page.locator("form strong").inner_text()
    page.get_by_label("The database's name").fill("another")
    page.get_by_label("Your password").fill("wrong")
    page.get_by_role("button", name="Replace the live database").click()
    page.get_by_text("This is not the name of the database").wait_for()
    page.get_by_text("This is not your password").wait_for()
    assert digest(site) == now
    page.get_by_label("The database's name").fill(expected)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Replace the live database").click()
    ended(page)  # everybody else is signed out
    assert digest(site) == then
    with page.expect_navigation():
        page.get_by_role("button", name="Undo").click()
    page.get_by_label("The database's name").fill(expected)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Swap the old one back in").click()
    ended(page)
    assert digest(site) == now
    page.get_by_role("link", name="All backups").click()
    page.get_by_role("link", name="Activity").click()
    page.get_by_role("link", name="Restored").first.wait_for()
    page.get_by_role("link", name="Undid a restore").first.wait_for()
