"""Plans in a browser: the suggested one, one of one's own, run, looked at, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import ADMIN_SHELL, ADMIN_URLS, Served, ended, serving
from tests.browser.test_accessibility import check
from tests.support.sites import new_sqlite_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(params=["web shop", "admin"])
def shown(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[Served]:
    site = new_sqlite_site(tmp_path_factory.mktemp("plans"))
    admin = request.param == "admin"
    (site.home / "admin_only.py").write_text(ADMIN_URLS)
    with serving(site, browser, ADMIN_SHELL if admin else "") as found:
        yield found


def times(page: Page) -> list[str]:
    return page.locator("#plan-times li").all_inner_texts()


def test_a_plan_is_suggested_set_up_run_and_deleted(shown: Served) -> None:
    page = shown.sign_in()
    found: list[str] = []
    page.locator(".tb").get_by_role("link", name="Plans", exact=True).click()
    page.get_by_text("Nothing runs by itself yet").wait_for()
    found += check(page, "suggested")
    page.get_by_role("button", name="Switch this plan on").click()
    page.get_by_text("Plan nightly is on.").wait_for()
    page.reload()  # the shell's own message is not ours to look at
    found += check(page, "one plan")
    page.get_by_role("button", name="Switch nightly off").click()
    page.get_by_text("it runs no more").wait_for()

    with page.expect_navigation():
        page.get_by_role("link", name="New plan").click()
    page.get_by_label("Name", exact=True).fill("weekly")
    assert len(times(page)) == 5
    assert not page.get_by_label("Weekday").is_visible()
    page.get_by_label("Runs", exact=True).select_option("weekly")
    page.get_by_label("Weekday").select_option("Friday")
    page.get_by_label("At", exact=True).fill("03:15")
    page.get_by_label("At", exact=True).press("Tab")
    # Shown anew without a click, and nothing that was typed is gone.
    page.locator("#plan-times li", has_text="Friday").locator("text=03:15").first.wait_for()
    assert all(text.startswith("Friday") and text.endswith("03:15") for text in times(page))
    assert page.get_by_label("Name", exact=True).input_value() == "weekly"
    found += check(page, "form")
    page.get_by_label("one app", exact=True).check()
    assert page.get_by_label("App", exact=True).is_visible()
    assert not page.get_by_label("At least once in so many days").is_visible()
    found += check(page, "form of an app")
    # A full one is never left out for a database that is as it was.
    page.get_by_label("everything", exact=True).check()
    assert not page.get_by_label("Make no backup when nothing changed").is_visible()
    page.get_by_label("database", exact=True).check()
    assert page.get_by_label("Make no backup when nothing changed").is_visible()
    assert not page.get_by_label("App", exact=True).is_visible()
    assert page.get_by_label("At least once in so many days").is_visible()
    page.get_by_label("Runs", exact=True).select_option("cron")
    page.get_by_label("Cron line").fill("0 4 30 2 *")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Nothing was saved").wait_for()
    page.locator(".errorlist", has_text="has a day that no such month has").wait_for()
    page.get_by_label("Daily ones").fill("")
    for name in ("The last", "Weekly ones", "Monthly ones", "Yearly ones"):
        page.get_by_label(name, exact=True).first.fill("")
    page.get_by_role("button", name="Save").click()
    sentence = page.locator(".tb-keep .errorlist").bounding_box()
    assert sentence
    assert sentence["width"] > 300, "a sentence is no column of words"
    found += check(page, "refused form")
    page.get_by_label("Daily ones").fill("7")
    page.get_by_label("Cron line").fill("0 4 * * 1-5")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Plan weekly was saved.").wait_for()
    page.get_by_text("At 04:00, Monday through Friday").wait_for()
    page.reload()
    found += check(page, "plan")

    page.get_by_role("button", name="Run now").click()
    ended(page)
    shown.go(page, "plan/weekly/")
    page.get_by_role("link", name="Which of its backups would be deleted").click()
    page.locator(".tb-chip.tb-good", has_text="keep").wait_for()
    found += check(page, "retention")
    shown.go(page, "plan/weekly/")
    page.get_by_role("button", name="Delete…").click()
    page.get_by_text("The backup that it made stays").wait_for()
    found += check(page, "delete plan")
    page.get_by_role("button", name="Delete the plan").click()
    page.get_by_text("its backups stay").wait_for()
    assert page.get_by_role("link", name="weekly", exact=True).count() == 0
    assert shown.site.query("SELECT count(*) FROM trustbackup_backup") == [(1,)]
    assert not found, "\n".join(found)


def test_the_form_works_without_scripts(shown: Served) -> None:
    page = shown.sign_in(java_script_enabled=False)
    shown.go(page, "plans/add/")
    page.get_by_label("Name", exact=True).fill("monthly")
    page.get_by_label("Runs", exact=True).select_option("monthly")
    page.get_by_label("Day of the month").select_option("the last one")
    page.get_by_label("At", exact=True).fill("03:15")
    page.get_by_role("button", name="Show the next due times").click()
    assert len(times(page)) == 5
    assert all(text.endswith("03:15") for text in times(page))
    page.get_by_role("button", name="Save").click()
    page.get_by_text("On the last day of each month at 03:15").wait_for()
