"""axe finds nothing on any page: light and dark, on a desk and on a phone, in both shells."""

from __future__ import annotations

import os
import shutil
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import pytest

from tests.browser.conftest import ADMIN_SHELL, ADMIN_URLS, Served, press, serving, tick_all
from tests.support.backups import make
from tests.support.sites import Site, new_sqlite_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LOOKS: tuple[tuple[int, Literal["light", "dark"]], ...] = (
    (1440, "light"),
    (1440, "dark"),
    (390, "light"),
    (390, "dark"),
)
"""The list is looked at in each. The first and the last suffice for the other pages: colours
do not depend on the width, nor the structure on the colours."""

RUN = (
    "INSERT INTO trustbackup_run (id, action, target, options, actor, address, state, started,"
    " finished, stage, done, total, heartbeat, cancel, host, process, log, outcome, error,"
    " plan) VALUES"
    " ('{id}', 'create', '', '{{}}', 'operator', '', '{state}', '2026-11-20 10:00:00', {finished},"
    " 'dumping default', 5000000, 9000000, NULL, 0, '{host}', {process},"
    " '10:00:00 dumping default', '{{}}', '{error}', '')"
)


@pytest.fixture(params=["web shop", "admin"])
def shown(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[Served]:
    site = new_sqlite_site(tmp_path_factory.mktemp("shown"))
    admin = request.param == "admin"
    (site.home / "admin_only.py").write_text(ADMIN_URLS)
    users = {"nobody": [], "looker": ["view"]}
    with serving(site, browser, ADMIN_SHELL if admin else "", users) as found:
        yield found


def check(page: Page, what: str) -> list[str]:
    """What axe complains of, in every look of the page."""
    found = []
    page.wait_for_load_state()
    looks = LOOKS if what == "list" else (LOOKS[0], LOOKS[-1])
    for width, scheme in looks:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        # Colours that still fade into each other would be measured half-way.
        page.evaluate("Promise.all(document.getAnimations().map((each) => each.finished))")
        for violation in violations(page):
            nodes = [f"{node['html'][:200]} {_why(node)}" for node in violation["nodes"][:3]]
            found.append(f"{what}, {width}, {scheme}: {violation['id']}: {nodes}")
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wide > 0:
            found.append(f"{what}, {width}: {wide} pixels too wide")
    page.set_viewport_size({"width": 1440, "height": 900})
    return found


def violations(page: Page) -> list[dict[str, Any]]:
    """What axe's own rules find; it is loaded once into a page, and tells no more than this."""
    from axe_playwright_python.sync_playwright import Axe

    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(Axe().axe_script)
    options = {"resultTypes": ["violations"]}
    found: list[dict[str, Any]] = page.evaluate(
        "options => axe.run(options).then(results => results.violations)", options
    )
    return found


def _why(node: dict[str, Any]) -> str:
    return " ".join(part["message"] for part in node["any"] + node["all"] + node["none"])


@contextmanager
def no_folder(site: Site) -> Iterator[None]:
    """There is a file where the backup folder should be."""
    aside = site.backups.with_name("aside")
    site.backups.rename(aside)
    site.backups.write_text("a file")
    yield
    site.backups.unlink()
    aside.rename(site.backups)


def test_every_page_is_accessible(shown: Served) -> None:
    site = shown.site
    page = shown.open()
    found: list[str] = []

    def look(what: str, path: str | None = None, before: Callable[[], object] = int) -> None:
        if path is not None:
            shown.go(page, path)
        before()
        found.extend(check(page, what))

    shown.go(page)
    if page.locator("body.login").count() == 0:  # Django's own has no heading of the first level
        look("login")
    shown.log_in(page)
    look("empty list")
    proven, plain, altered = (make(site, "--name", name)["id"] for name in ("one", "two", "three"))
    make(site, "--keep")
    app = make(site, "--type", "app", "--app", "shop")["id"]
    site.manage("verify_backup", proven, "--restore")
    unverified = "2026-01-01_00-00-00"
    shutil.copy(
        site.backups / f"backup_{plain}.dump.gz", site.backups / f"backup_{unverified}.dump.gz"
    )
    manifest = site.backups / f"backup_{altered}.manifest.json"
    manifest.write_text(manifest.read_text().replace('"three"', '"other"'))
    runs = {state: f"{number:032x}" for number, state in enumerate(("running", "failed"), 1)}
    for state, identifier in runs.items():
        host, error = socket.gethostname(), "pg_dump ended: no more room." * (state == "failed")
        finished = "'2026-11-20 10:00:09'" if state == "failed" else "NULL"
        site.query(
            RUN.format(
                id=identifier, state=state, host=host, process=os.getpid(), error=error,
                finished=finished,
            )
        )  # fmt: skip

    look("list", "", lambda: page.get_by_text("New backup", exact=True).click())
    look("menu", None, lambda: page.locator(".tb-more").first.click())
    look("selected", "", lambda: tick_all(page))
    look("delete", None, lambda: press(page, "Delete…"))
    look("nothing fits", "?text=nothing")
    look("detail", f"backup/{proven}/")
    look("unverified detail", f"backup/{unverified}/")
    look("restore", f"backup/{proven}/restore/")
    look("wrong name", None, lambda: page.get_by_role("button", name="Replace").click())
    look("app restore", f"backup/{app}/restore/?mode=replace")
    look("restore refused", f"backup/{altered}/restore/")
    assert page.get_by_role("button", name="Replace").count() == 0
    look("recovery sheet", "recovery-sheet/")
    look("activity", "runs/")
    look("destinations", "destinations/")
    look("new destination", "destinations/add/sftp/")
    look("new bucket", "destinations/add/s3/")
    for state, identifier in runs.items():
        look(f"run {state}", f"runs/{uuid.UUID(identifier)}/")
    site.query(f"DELETE FROM trustbackup_run WHERE id = '{runs['running']}'")
    look("run succeeded", "runs/?verb=drill", lambda: page.locator(".tb-name a").first.click())
    look("not found", "backup/2020-01-01_00-00-00/")
    with no_folder(site):
        look("problem", "")
    look("refused", "", lambda: _as(shown, page, "looker", f"backup/{plain}/restore/"))
    look("looker", "")
    page.context.clear_cookies()
    shown.go(page)
    page.get_by_label("Username").fill("nobody")
    page.get_by_label("Password").fill("a password of the tests")
    page.get_by_label("Password").press("Enter")
    page.get_by_text("Your account may not do this").wait_for()
    look("not allowed")
    assert not found, "\n".join(found)


def _as(shown: Served, page: Page, name: str, path: str) -> None:
    page.context.clear_cookies()
    shown.log_in(page, name)
    shown.go(page, path)
