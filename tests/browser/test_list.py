"""The list of backups: every order, every filter, pages, a row's menu, the keyboard alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import Served, ended, press, rows
from tests.support.backups import listed, make

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

ALIEN = "2026-01-01_00-00-00"
DAMAGED = "2026-02-01_00-00-00"
COUNT = 24
"""Five with a manifest, one whose manifest makes no sense, the rest without one."""


def follow(page: Page, where: Locator) -> None:
    """Click, and be on the next page."""
    with page.expect_navigation():
        where.click()


@pytest.fixture(scope="module")
def filled(shop: Served) -> Served:
    """Named and unnamed, protected, checked, proven, grown, without a manifest, unreadable."""
    site = shop.site
    made = [make(site, "--name", name)["id"] for name in ("beta", "alpha", "gamma")]
    site.manage("verify_backup", made[0])
    site.manage("verify_backup", made[1], "--restore")
    site.manage("keep_backup", made[2])
    grown = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)"
    site.query(f"CREATE TABLE grown AS {grown} SELECT i, hex(randomblob(9)) AS text FROM n")
    made += [make(site)["id"], make(site, "--compression", "none")["id"]]
    dump = site.backups / f"backup_{made[0]}.dump.gz"
    for number in range(COUNT - len(made) - 1):
        with (site.backups / f"backup_{ALIEN[:-2]}{number:02}.dump.gz").open("wb") as file:
            file.write(dump.read_bytes() + bytes(number))
    shutil.copy(dump, site.backups / f"backup_{DAMAGED}.dump.gz")
    (site.backups / f"backup_{DAMAGED}.manifest.json").write_text("{}")
    return shop


def shown(page: Page) -> list[str]:
    """The ids of the rows, from top to bottom."""
    boxes = rows(page).locator("input[type=checkbox]")
    return list(boxes.evaluate_all("all => all.map((box) => box.value)"))


KEYS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "Name": lambda row: row["name"],
    "Created": lambda row: row["created"],
    "Contents": lambda row: ",".join(row["databases"]),
    "Size": lambda row: row["bytes"],
    "Took": lambda row: row["seconds"],
    "Trigger": lambda row: row["trigger"],
    "State": lambda row: row["state"],
    "Proof": lambda row: (bool(row["drilled"]), bool(row["checked"])),
    "Protected": lambda row: row["protected"],
}


def test_every_column_sorts_both_ways(filled: Served) -> None:
    page = filled.sign_in()
    known = {row["id"]: row for row in listed(filled.site)}
    assert len(known) == COUNT
    for name, key in KEYS.items():
        for direction in ("descending", "ascending"):
            head = page.get_by_role("columnheader", name=name, exact=True)
            if head.get_attribute("aria-sort") != direction:
                follow(page, head.get_by_role("link"))
            assert head.get_attribute("aria-sort") == direction, name
            values = [key(known[identifier]) for identifier in shown(page)]
            everywhere = sorted(map(key, known.values()), reverse=direction == "descending")
            assert values == everywhere[:20], (name, direction)


def test_each_filter_leaves_what_it_says(filled: Served) -> None:
    page = filled.sign_in()
    known = listed(filled.site)

    def narrowed(label: str, value: str) -> list[str]:
        """Of the first page, and the field is empty again for the next filter."""
        field = page.get_by_role("search").get_by_label(label, exact=True)
        fill = field.select_option if label == "State" else field.fill
        fill(value)
        follow(page, page.get_by_role("button", name="Filter"))
        found = shown(page)
        fill("")
        return found

    named = [row["id"] for row in known if row["name"] == "alpha"]
    assert narrowed("Search", "alph") == named
    aliens = [row["id"] for row in known if row["id"].startswith("2026-01")]
    made = [row["id"] for row in known if row["state"] == "complete"]
    assert (len(aliens), len(made)) == (COUNT - 6, 5)
    assert narrowed("Search", ALIEN) == [ALIEN]
    assert narrowed("State", "unverified") == aliens
    assert narrowed("State", "unreadable") == [DAMAGED]
    assert narrowed("State", "complete") == made
    assert narrowed("To", "2026-01-01") == aliens
    assert narrowed("To", "2026-02-01") == [DAMAGED, *aliens]
    yesterday = datetime.now(UTC) - timedelta(days=1)
    assert narrowed("From", f"{yesterday:%Y-%m-%d}") == made
    assert narrowed("Search", "nothing of the kind") == []
    page.get_by_text("No backup fits this filter.").wait_for()
    follow(page, page.get_by_role("link", name="Show all").last)
    assert len(shown(page)) == 20


def test_a_filter_and_an_order_stay_from_page_to_page(filled: Served) -> None:
    page = filled.sign_in()
    filled.go(page, "?text=20&since=2020-01-01&sort=size")
    assert len(shown(page)) == 20
    follow(page, page.get_by_role("link", name="Next page"))
    page.get_by_text(f"Page 2 of 2 ({COUNT} backups)").wait_for()
    sizes = {row["id"]: row["bytes"] for row in listed(filled.site)}
    assert [sizes[each] for each in shown(page)] == sorted(sizes.values())[20:]
    follow(page, page.get_by_role("link", name="Previous page"))
    assert len(shown(page)) == 20


def test_on_a_phone_the_order_is_chosen_from_a_list(filled: Served) -> None:
    page = filled.sign_in(viewport={"width": 390, "height": 844})
    page.get_by_label("Sort by").select_option("largest first")
    follow(page, page.get_by_role("button", name="Filter"))
    sizes = {row["id"]: row["bytes"] for row in listed(filled.site)}
    order = [sizes[identifier] for identifier in shown(page)]
    assert order == sorted(order, reverse=True)
    page.get_by_label("Select all").locator("visible=true").check()
    page.get_by_text("Selected: 20").wait_for()


def test_the_keyboard_is_enough(filled: Served) -> None:
    page = filled.sign_in()
    first, second = shown(page)[:2]

    def tab_to(label: str, most: int = 80) -> None:
        locator = page.locator(f"[aria-label='{label}'], :text-is('{label}')")
        for _press in range(most):
            page.keyboard.press("Tab")
            if locator.evaluate_all("all => all.includes(document.activeElement)"):
                return
        pytest.fail(f"{label!r} is not reached in {most} steps")

    tab_to(f"Select {first}")
    page.keyboard.press("Space")
    tab_to(f"Actions for {second}")
    page.keyboard.press("Enter")
    tab_to("Protect", 3 + 1)
    page.keyboard.press("Enter")  # of the second row's menu: the tick of the first does not count
    page.get_by_text("Done.").wait_for()
    assert [row["protected"] for row in listed(filled.site)[:2]] == [False, True]
    tab_to(f"Actions for {second}")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert page.locator(".tb-menu:popover-open").count() == 0
    tab_to(f"Select {shown(page)[2]}")
    page.keyboard.press("Space")
    tab_to("Verify", 200)
    page.keyboard.press("Enter")
    ended(page)
    filled.go(page)
    tab_to(second)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/backup/{second}/")


def test_a_tick_in_the_head_selects_all(filled: Served) -> None:
    page = filled.sign_in()
    page.get_by_label("Select all").locator("visible=true").check()
    page.get_by_text("Selected: 20").wait_for()
    rows(page).get_by_role("checkbox").first.uncheck()
    page.get_by_text("Selected: 19").wait_for()
    filled.go(page)
    press(page, "Protect")
    page.get_by_text("Nothing was selected").wait_for()
