"""Destinations in a browser: set up, tested, failing, and tried again."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Served, ended, rows
from tests.browser.test_accessibility import check
from tests.support.sshd import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

KEPT = "of-the-browser"


def fill(page: Page, server: Server) -> None:
    page.get_by_label("Name", exact=True).fill("nas")
    page.get_by_label("Server", exact=True).fill(server.host)
    page.get_by_label("Port").fill(str(server.port))
    page.get_by_label("User").fill(server.user.name)
    page.get_by_label("Password", exact=True).fill(server.user.password)
    page.get_by_label("Folder").fill(KEPT)


LINES = """cells => cells.filter(cell => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    return new Set([...range.getClientRects()].map(line => Math.round(line.top))).size > 1;
}).map(cell => cell.innerText)"""


def broken(page: Page) -> list[str]:
    """Names of the test's steps that need more than one line on a phone."""
    usual = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 800})
    found: list[str] = page.locator("#test tbody th").evaluate_all(LINES)
    if usual:
        page.set_viewport_size(usual)
    return found


def test_a_server_is_set_up_fails_and_is_tried_again(served: Served, shared_sshd: Server) -> None:
    if not shared_sshd.user.password:
        pytest.skip("sshd checks passwords only where root runs the tests")
    site, page = served.site, served.sign_in()
    there = shared_sshd.home / KEPT
    shutil.rmtree(there, ignore_errors=True)
    found: list[str] = []

    page.get_by_role("link", name="Destinations").click()
    page.get_by_text("No copies elsewhere yet").wait_for()
    found += check(page, "no destinations")
    page.get_by_role("link", name="SFTP").click()
    fill(page, shared_sshd)
    page.get_by_role("button", name="Test the connection").click()
    tick = page.get_by_label("This is the right server: pin it")
    tick.wait_for()
    assert page.locator("code").inner_text().startswith("SHA256:")
    found += check(page, "unknown host key")
    assert site.query("SELECT count(*) FROM trustbackup_destination") == [(0,)]
    tick.check()
    page.get_by_role("button", name="Test the connection").click()
    page.get_by_text("The connection works").wait_for()
    found += check(page, "works")
    assert broken(page) == []
    page.get_by_role("button", name="Save").click()  # the password is not typed again
    page.get_by_text("Destination nas was saved").wait_for()
    page.get_by_role("button", name="Test nas").click()
    page.get_by_text("The connection works").wait_for()
    assert not list(there.glob("backup_*"))

    served.go(page)
    page.get_by_role("button", name="Back up now").first.click()
    ended(page)
    assert len(list(there.glob("backup_*.manifest.json"))) == 1
    served.go(page)
    rows(page).locator(".tb-chip.tb-good", has_text="nas").wait_for()

    aside = there.with_name("aside")
    there.rename(aside)
    there.write_text("a file")  # where the folder should be
    page.get_by_text("New backup", exact=True).click()
    page.get_by_role("button", name="Back up now").first.click()
    ended(page, "partial")
    found += check(page, "partial run")
    served.go(page, "destinations/")
    page.locator(".tb-chip.tb-failed").wait_for()
    found += check(page, "failing destination")
    page.get_by_role("link", name="nas").click()
    found += check(page, "edit")
    there.unlink()
    aside.rename(there)
    served.go(page)
    found += check(page, "list")
    page.locator("tr", has=page.locator(".tb-chip.tb-failed")).locator(".tb-name a").click()
    found += check(page, "detail")
    page.get_by_role("button", name="Retry nas").click()
    ended(page)
    assert len(list(there.glob("backup_*.manifest.json"))) == 2
    page.get_by_role("link", name="Look at the backup").click()
    page.get_by_role("button", name="Check the copy: nas").click()
    ended(page)
    page.get_by_role("link", name="Look at the backup").click()
    page.locator("#copies .tb-chip", has_text="verified").wait_for()
    page.locator("#copies time").wait_for()

    served.go(page, "destinations/add/folder/")
    page.get_by_label("Name", exact=True).fill("disk")
    page.get_by_label("Folder").fill(str(site.home / "disk"))
    page.get_by_label("Copy every backup there").uncheck()
    page.get_by_role("button", name="Save").click()
    served.go(page)
    rows(page).first.locator(".tb-name a").click()
    page.get_by_role("button", name="Copy to disk").click()
    ended(page)
    assert len(list((site.home / "disk").glob("backup_*.manifest.json"))) == 1
    with page.expect_navigation():
        page.get_by_role("link", name="Look at the backup").click()
    assert page.get_by_role("button", name="Copy to").count() == 0

    # A copy that has become another one: the check says so.
    damaged = max(there.glob("backup_*.dump.gz"))
    with damaged.open("r+b") as file:
        file.seek(100)
        file.write(os.urandom(8))
    page.get_by_role("button", name="Check the copy: nas").click()
    ended(page, "failed")
    page.get_by_text("is corrupt").wait_for()

    actions = [action for (action,) in site.query("SELECT action FROM trustbackup_auditevent")]
    assert actions.count("add destination") == 2
    assert actions.count("test destination") == 3
    tables = ("destination", "run", "auditevent", "copy")
    rows_of_ours = [site.query(f"SELECT * FROM trustbackup_{table}") for table in tables]
    assert shared_sshd.user.password not in str(rows_of_ours)
    assert not found, "\n".join(found)
