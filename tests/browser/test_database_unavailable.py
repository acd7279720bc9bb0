"""A page that is opened or followed while a restore swaps the database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import LIST, PASSWORD, Served, ended, serving
from tests.support.backups import make, wait_for
from tests.support.sites import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SENTENCE = "The database does not answer at this moment"
LONGEST = 120.0
"""Seconds until a page that does not ask again fails the test."""

SETTINGS = "INSTALLED_APPS = [*INSTALLED_APPS, 'held.Held']"
HOLDING = """
from __future__ import annotations
import pathlib, time
from django.apps import AppConfig

def hold(moment):
    folder = pathlib.Path(__file__).parent
    (folder / f"{moment} reached").touch()
    while not (folder / f"{moment} released").exists():
        time.sleep(0.01)

class Held(AppConfig):
    name = "held"
    def ready(self):
        from django.db import connection
        from trustbackup.databases.postgresql import replacement
        from trustbackup.databases.postgresql.server import end_sessions
        swap = replacement.PostgresReplacement.swap
        def held_swap(self, *arguments):
            hold("before")
            allow = f"ALTER DATABASE {connection.ops.quote_name(self.live)} ALLOW_CONNECTIONS "
            with self.server.maintenance() as cursor:
                cursor.execute(allow + "false")
                end_sessions(cursor, self.live)
                hold("within")
                cursor.execute(allow + "true")
            swap(self, *arguments)
        replacement.PostgresReplacement.swap = held_swap
"""
"""A real restore that stops twice before its swap: the second time nobody can connect, as where
a server restarts. The swap itself is over too soon to be seen."""


class Swap:
    """The restore that is held."""

    def __init__(self, site: Site) -> None:
        self.folder = site.home

    def reached(self, moment: str) -> None:
        wait_for((self.folder / f"{moment} reached").exists)

    def release(self, moment: str) -> None:
        (self.folder / f"{moment} released").touch()


@pytest.fixture
def held(postgres_site: Site, browser: Browser) -> Iterator[tuple[Served, Swap]]:
    swap = Swap(postgres_site)
    (postgres_site.home / "held.py").write_text(HOLDING)
    with serving(postgres_site, browser, SETTINGS) as served:
        try:
            yield served, swap
        finally:  # a run outlives a test that fails
            for moment in ("before", "within"):
                swap.release(moment)


def begin(served: Served, made: str, page: Page) -> None:
    served.go(page, f"backup/{made}/restore/")
    page.get_by_label("The database's name").fill(page.locator("form strong").inner_text())
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Replace the live database").click()
    page.locator("#run progress").wait_for()


def test_a_run_is_followed_through_the_swap(held: tuple[Served, Swap]) -> None:
    served, swap = held
    page = served.sign_in()
    begin(served, make(served.site)["id"], page)
    answers: list[int] = []
    page.on("response", lambda said: answers.append(said.status))
    swap.reached("before")

    # Without scripts, in the same session:
    bare = served.open(java_script_enabled=False)
    bare.context.add_cookies(page.context.cookies())  # type: ignore[arg-type]
    bare.goto(page.url)
    bare.locator("#run progress").wait_for()
    swap.release("before")
    swap.reached("within")
    bare.get_by_text(SENTENCE).wait_for()

    # Opened while nobody gets in, as by the redirect that begins the restore:
    opened = page.context.new_page()
    assert (answer := opened.goto(page.url))
    assert answer.status == 503
    opened.get_by_text(SENTENCE).wait_for()
    assert page.locator("#run progress").is_visible()

    asked = time.monotonic()
    while answers.count(503) < 3:
        assert time.monotonic() < asked + LONGEST, "it does not go on asking"
        page.wait_for_timeout(100)
    swap.release("within")
    for each in (page, opened, bare):
        ended(each)
        assert each.url == page.url
    assert set(answers) == {200, 503}


def test_what_was_sent_during_the_swap_is_not_sent_again(held: tuple[Served, Swap]) -> None:
    served, swap = held
    page = served.sign_in()
    begin(served, make(served.site)["id"], page)
    sent: list[str] = []
    page.on("request", lambda asked: sent.append(asked.url) if asked.method == "POST" else None)
    swap.reached("before")
    served.go(page)
    swap.release("before")
    swap.reached("within")
    page.get_by_text("New backup", exact=True).click()
    page.locator(".tb-create").get_by_role("button", name="Back up now").click()
    page.get_by_text("it is not known whether what you asked for was begun").wait_for()
    swap.release("within")
    page.wait_for_url(f"**{LIST}runs/")
    page.get_by_role("heading", name="Activity").wait_for()
    assert sent == [f"{served.address}{LIST}"]
    runs = "SELECT action, state FROM trustbackup_run WHERE actor = 'operator'"
    wait_for(lambda: served.site.query(runs) == [("restore", "succeeded")])
