"""Runs as the page shows them: live, cancelled, watched by nobody, asked for twice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import ADMIN_SHELL, ADMIN_URLS, Served, ended, press, rows, serving
from tests.support.backups import leftovers, listed, make, wait_for
from tests.support.dumpers import slow_pg_dump
from tests.support.sites import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SLOW_CHECK = """
from __future__ import annotations
import pathlib, time
def look(alias):
    folder = pathlib.Path(__file__).parent
    (folder / "reached").touch()
    while not (folder / "released").exists():
        time.sleep(0.05)
"""


def begin(page: Page) -> None:
    page.get_by_role("button", name="Back up now").first.click()


def states(site: Site) -> list[str]:
    return [state for (state,) in site.query("SELECT state FROM trustbackup_run ORDER BY started")]


def test_a_backup_is_followed_left_alone_and_cancelled(
    postgres_site: Site, browser: Browser, request: pytest.FixtureRequest
) -> None:
    dumper = slow_pg_dump(postgres_site)
    request.addfinalizer(dumper.release)  # a run outlives a test that fails
    settings = (postgres_site.home / "more_settings.py").read_text().partition("import *")[2]
    with serving(postgres_site, browser, settings) as served:
        site = served.site
        page = served.sign_in()
        page.get_by_role("button", name="Back up now").dblclick()
        wait_for(dumper.reached.exists)
        under_way = page.get_by_role("link", name="Backing up: Dumping default")

        def is_said() -> int:
            served.go(page)
            return under_way.count()

        wait_for(is_said)  # it is written twice a second
        under_way.click()
        page.locator("#run progress").wait_for()
        # Without being loaded again:
        page.locator("#run-announced", has_text="Backing up").wait_for()
        page.get_by_text("1000 bytes").wait_for()
        served.go(page)
        begin(page)  # once more, while the first is under way
        page.get_by_text("This is under way already.").wait_for()
        assert states(site) == ["running"]
        page.context.close()
        dumper.release()
        wait_for(lambda: states(site) == ["succeeded"])
        assert len(listed(site)) == 1

        for name in ("reached", "released"):
            (dumper.folder / name).unlink()
        page = served.sign_in()
        page.get_by_text("New backup", exact=True).click()
        page.locator(".tb-create").get_by_role("button", name="Back up now").click()
        wait_for(dumper.reached.exists)
        page.get_by_role("button", name="Cancel").click()
        ended(page, "cancelled")
        assert page.get_by_role("button", name="Cancel").count() == 0
        assert states(site) == ["succeeded", "cancelled"]
        assert len(listed(site)) == 1
        assert not leftovers(site.backups)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_drill_is_cancelled_in_the_admins_own_shell(
    sqlite_site: Site, browser: Browser, scripts: bool
) -> None:
    site = sqlite_site
    make(site)
    (site.home / "slow_check.py").write_text(SLOW_CHECK)
    (site.home / "admin_only.py").write_text(ADMIN_URLS)
    settings = "TRUSTBACKUP = {**TRUSTBACKUP, 'DRILL_CHECKS': ['slow_check.look']}"
    with serving(site, browser, ADMIN_SHELL + settings) as served:
        page = served.sign_in(java_script_enabled=scripts)
        rows(page).get_by_role("checkbox").check()
        press(page, "Drill")
        wait_for((site.home / "reached").exists)
        page.get_by_text("Comparing default").first.wait_for()
        page.get_by_role("button", name="Cancel").click()
        ended(page, "cancelled")
        assert states(site)[-1] == "cancelled"
        page.get_by_role("link", name="All backups").click()
        rows(page).get_by_text("hash checked").wait_for()  # and not "does not restore"


def test_a_run_that_fails_says_why(served: Served, tmp_path: Path) -> None:
    site = served.site
    made = make(site)
    for file in made["files"]:
        path = Path(file["path"])
        path.write_bytes(path.read_bytes()[:-5] + b"wrong")
    page = served.sign_in()
    rows(page).get_by_role("checkbox").check()
    press(page, "Verify")
    ended(page, "failed")
    page.get_by_text("is corrupt").first.wait_for()
    served.go(page, "runs/?state=failed")
    assert page.locator(".tb-name a").all_inner_texts() == ["Check"]
    served.go(page)
    rows(page).get_by_text("damaged").first.wait_for()
