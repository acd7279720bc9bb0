"""Other people's sites: the wheel, the tutorial's own words, and every page clicked once."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import ended, press, rows
from tests.support.host_projects import HOSTS
from tests.support.newcomers import PASSWORD, Host, Newcomer, move_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.field
SERVE = "python manage.py runserver"


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_case_h2_a_newcomer_follows_the_tutorial_and_clicks_through(
    host: Host, tmp_path: Path, wheel: Path, browser: Browser
) -> None:
    try:
        newcomer = move_in(host, tmp_path, wheel)
    except LookupError as error:
        pytest.skip(str(error))
    printed = newcomer.follow(SERVE)
    assert "no issues" in " ".join(printed) or "W001" in " ".join(printed)
    assert any("restores" in text for text in printed), printed
    with newcomer.serve() as address:
        context = browser.new_context()
        try:
            click_through(newcomer, context.new_page(), address)
        finally:
            context.close()


def click_through(newcomer: Newcomer, page: Page, address: str) -> None:
    page.set_default_timeout(60_000)
    sign_in(newcomer, page, address)
    before = rows(page).count()
    page.get_by_text("New backup", exact=True).click()
    page.locator(".tb-create").get_by_role("button", name="Back up now").click()
    ended(page)
    page.goto(f"{address}/settings/backups/")
    assert rows(page).count() == before + 1
    newest = rows(page).first
    identifier = newest.locator(".tb-name a").inner_text()
    newest.get_by_role("checkbox").check()
    press(page, "Drill")
    ended(page)
    page.goto(f"{address}/settings/backups/")
    rows(page).first.get_by_text(re.compile("proven|restores")).first.wait_for()
    rename(newcomer, "after the backup")
    page.goto(f"{address}/settings/backups/backup/{identifier}/")
    page.get_by_role("link", name="Restore…").click()
    confirm(page, "Replace the live database")
    assert name(newcomer) != "after the backup"
    with page.expect_navigation():
        page.get_by_role("button", name="Undo").click()
    confirm(page, "Swap the old one back in")
    assert name(newcomer) == "after the backup"


def sign_in(newcomer: Newcomer, page: Page, address: str) -> None:
    """Where the site sends who is not signed in; back on the list."""
    page.goto(f"{address}/settings/backups/")
    form = page.locator("form", has=page.locator("input[type=password]")).first
    form.locator("input:is([type=text], [type=email])").first.fill(newcomer.host.sign_in_as)
    form.locator("input[type=password]").first.fill(PASSWORD)
    form.locator("input[type=password]").first.press("Enter")
    page.wait_for_url("**/settings/backups/")
    page.get_by_role("heading", name="Backups").first.wait_for()


def confirm(page: Page, button: str) -> None:
    expected = page.locator("form strong").first.inner_text()
    page.get_by_label("The database's name").fill(expected)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name=button).click()
    ended(page)


def rename(newcomer: Newcomer, to: str) -> None:
    with closing(sqlite3.connect(newcomer.folder / "db.sqlite3", timeout=30)) as database, database:
        database.execute("UPDATE auth_user SET first_name = ?", [to])


def name(newcomer: Newcomer) -> str:
    with closing(sqlite3.connect(newcomer.folder / "db.sqlite3", timeout=30)) as database:
        ((found,),) = database.execute("SELECT first_name FROM auth_user WHERE username='operator'")
    return str(found)
