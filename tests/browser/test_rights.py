"""What somebody with a single right is offered and can do, and that nothing else is offered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import PASSWORD, Served, ended, press, rows, serving
from tests.support.backups import listed, make
from tests.support.sites import new_sqlite_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RIGHTS = ("add", "delete", "download", "restore", "change")
USERS = {"viewer": ["view"], **{right: ["view", right] for right in RIGHTS}}

OFFERED = {
    "viewer": set(),
    "add": {"New backup", "Back up now", "Upload a backup"},
    "delete": {"Delete…"},
    "download": {"Download zip", "Download tar.gz", "Download FILE"},
    "restore": {"Restore…"},
    "change": {"Verify", "Drill", "Protect", "Release", "Prove it now"},
}

ON_ITS_PAGE = {
    "delete": {"Delete…"},
    "download": {"Download zip"},
    "change": {"Verify", "Drill", "Protect"},
}
"""Buttons of one backup's own page."""


@pytest.fixture(scope="module")
def manned(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Served]:
    site = new_sqlite_site(tmp_path_factory.mktemp("manned"))
    make(site)
    with serving(site, browser, users=USERS) as found:
        yield found


def offers(page: Page, file: str) -> set[str]:
    """All that the list and a row's menu would do, shown or not, but for looking at things."""
    found = page.locator(".tb").locator("button, summary, a.tb-button, .tb-menu a")
    texts = {" ".join(text.split()) for text in found.all_text_contents()}
    looks = {"Activity", "Automation", "Destinations", "Keys", "Notifications", "Plans"}
    return {text.replace(file, "FILE") for text in texts} - looks - {"Filter", "⋯"}


def add(served: Served, page: Page) -> None:
    page.get_by_text("New backup", exact=True).click()
    page.locator(".tb-create").get_by_role("button", name="Back up now").click()
    ended(page)


def delete(served: Served, page: Page) -> None:
    before = len(listed(served.site))
    extra = make(served.site)["id"]
    served.site.manage("verify_backup", extra)
    served.go(page)
    rows(page).last.get_by_role("checkbox").check()
    press(page, "Delete…")
    if (tick := page.get_by_label("Delete the last good one, too")).count():
        tick.check()
    page.get_by_role("button", name="Delete for good").click()
    page.get_by_text("1 backup was deleted").wait_for()
    assert len(listed(served.site)) == before


def download(served: Served, page: Page) -> None:
    page.locator(".tb-more").first.click()
    with page.expect_download() as started:
        page.locator(".tb-menu:popover-open").get_by_role("link").first.click()
    file = served.site.backups / started.value.suggested_filename
    assert started.value.path().read_bytes() == file.read_bytes()


def restore(served: Served, page: Page) -> None:
    page.locator(".tb-more").first.click()
    page.get_by_role("link", name="Restore…").click()
    page.get_by_label("The database's name").fill(page.locator("form strong").inner_text())
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Replace the live database").click()
    ended(page)


def change(served: Served, page: Page) -> None:
    page.locator(".tb-more").first.click()
    page.get_by_role("button", name="Protect").locator("visible=true").first.click()
    assert listed(served.site)[0]["protected"]
    page.locator(".tb-more").first.click()
    page.locator(".tb-menu:popover-open").get_by_role("button", name="Release").click()
    assert not listed(served.site)[0]["protected"]
    rows(page).first.get_by_role("checkbox").check()
    press(page, "Drill")
    ended(page)


DOES: dict[str, Callable[[Served, Page], None]] = {
    "change": change,
    "add": add,
    "download": download,
    "delete": delete,
    # The last, because everybody who came after its backup was made is gone then.
    "restore": restore,
}


@pytest.mark.parametrize("name", ["viewer", *DOES])
def test_one_right_shows_and_does_what_it_is_for(manned: Served, name: str) -> None:
    make(manned.site)  # not proven yet, so that the head offers to prove it
    page = manned.sign_in(name)
    newest = listed(manned.site)[0]["id"]
    file = f"backup_{newest}.dump.gz"
    rows(page).first.get_by_role("link", name=newest).wait_for()
    offered = {text for text in offers(page, file) if ".dump.gz" not in text}
    assert offered == OFFERED[name]
    for path, right in {
        "runs/": "viewer",
        f"backup/{newest}/": "viewer",
        f"backup/{newest}/restore/": "restore",
        f"download/{file}/": "download",
    }.items():
        expected = 200 if right in ("viewer", name) else 403
        answer = page.request.get(f"{manned.address}/settings/backups/{path}")
        assert answer.status == expected, path
    manned.go(page, f"backup/{newest}/")
    links = page.locator(".tb").get_by_role("link").all_inner_texts()
    assert ("Restore…" in links) == (name == "restore")
    assert (file in links) == (name == "download")
    buttons = page.locator(".tb").get_by_role("button").all_inner_texts()
    assert set(buttons) == ON_ITS_PAGE.get(name, set())
    if name in DOES:
        manned.go(page)
        DOES[name](manned, page)


def test_who_may_nothing_is_told_so(manned: Served) -> None:
    page = manned.sign_in("viewer")
    manned.go(page, "backup/2026-01-01_00-00-00/restore/")
    page.get_by_role("heading", name="Not allowed").wait_for()
    page.get_by_text("Ask whoever manages this site's accounts").wait_for()
