"""A web shop that is served under a strict policy, and a browser that looks at it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.backups import QUICK_PASSWORDS, more_settings, wait_for
from tests.support.ports import free_port
from tests.support.sites import Site, new_sqlite_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

PASSWORD = "a password of the tests"
LIST = "/settings/backups/"
BROWSER = "chromium-headless-shell"

POLICY = "MIDDLEWARE = ['tests.support.policy.StrictPolicy', *MIDDLEWARE]"

ADMIN_SHELL = """
TEMPLATES = [{**TEMPLATES[0], "DIRS": []}]
ROOT_URLCONF = "admin_only"
LOGIN_URL = "admin:login"
"""
"""A site that has no page of its own around ours."""

ADMIN_URLS = """
from __future__ import annotations
from django.contrib import admin
from django.urls import include, path
urlpatterns = [
    path("admin/", admin.site.urls),
    path("settings/backups/", include("trustbackup.urls")),
]
"""

USERS = """
import json
from django.contrib.auth.models import Permission, User
for name, rights in json.loads(RIGHTS).items():
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True)
    names = [f"{right}_backup" for right in rights]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
User.objects.create_superuser("operator", "operator@example.com", PASSWORD)
"""
"""Who may sign in to the admin sees the pages in its shell, too, so all are staff."""


@dataclass
class Served:
    """A site, where it is served, and what its pages complained of in the browser's console."""

    site: Site
    address: str
    browser: Browser | None
    """None where no page is looked at."""
    complaints: list[str] = field(default_factory=list)

    def open(self, **options: Any) -> Page:
        """A page of a fresh browser, signed in as nobody."""
        assert self.browser
        page = self.browser.new_context(**options).new_page()
        page.set_default_timeout(120_000)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda said: (
                self.complaints.append(f"{page.url}: {said.text}")
                if "Content Security Policy" in said.text
                else None
            ),
        )
        return page

    def sign_in(self, name: str = "operator", **options: Any) -> Page:
        """A page of a fresh browser, signed in and on the list of backups."""
        page = self.open(**options)
        self.log_in(page, name)
        return page

    def log_in(self, page: Page, name: str = "operator") -> None:
        self.go(page)
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("Password").press("Enter")
        page.wait_for_url(f"**{LIST}")

    def go(self, page: Page, path: str = "") -> None:
        """To a page below that of the backups."""
        page.goto(f"{self.address}{LIST}{path}")


@pytest.fixture
def served(any_site: Site, browser: Browser) -> Iterator[Served]:
    """Each engine's site, with a superuser named operator."""
    with serving(any_site, browser) as found:
        yield found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Served]:
    """One SQLite site for tests that do not mind what the others did before."""
    with serving(new_sqlite_site(tmp_path_factory.mktemp("shop")), browser) as found:
        yield found


@contextlib.contextmanager
def serving(
    site: Site,
    browser: Browser | None = None,
    settings: str = "",
    users: dict[str, list[str]] | None = None,
) -> Iterator[Served]:
    """Serve a site by Django's own server; at the end no page may have complained."""
    import json

    more_settings(site, f"{POLICY}\n{QUICK_PASSWORDS}\n{settings}")
    script = f"PASSWORD, RIGHTS = {PASSWORD!r}, {json.dumps(users or {})!r}\n{USERS}"
    site.manage("shell", "--no-imports", "-c", script)
    port = free_port()
    process = site.start("runserver", f"127.0.0.1:{port}", "--noreload", "--nothreading")
    found = Served(site, f"http://127.0.0.1:{port}", browser)

    def answers() -> bool:
        assert process.poll() is None, process.communicate()
        try:
            return bool(urllib.request.urlopen(found.address + LIST, timeout=60).status == 200)
        except OSError:
            return False

    try:
        wait_for(answers)
        yield found
        assert not found.complaints
    finally:
        for context in browser.contexts if browser else []:
            context.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.communicate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium without a window, and without what draws one: half the work a page.

    Of one module: Playwright's loop runs in the tests' own thread, and Django refuses to ask a
    database there until it has ended.
    """
    from playwright.sync_api import sync_playwright

    program = shutil.which(BROWSER)
    if program is None:
        pytest.fail(f"{BROWSER} is not installed: `make test` installs it, or says how.")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox"], timeout=120_000
        )
        yield launched
        launched.close()


def rows(page: Page) -> Locator:
    """The rows of the list of backups."""
    return page.locator("#backups tbody tr")


def tick_all(page: Page) -> None:
    for box in rows(page).get_by_role("checkbox").all():
        box.check()


def press(page: Page, name: str) -> None:
    """One of the buttons for what is selected."""
    with page.expect_navigation():
        selection_button(page, name).click()


def selection_button(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name="With the selected").get_by_role("button", name=name)


def ended(page: Page, state: str = "succeeded") -> None:
    """The page that follows a run says so without being loaded again."""
    page.locator(f"#run .tb-chip.tb-{state}").wait_for(timeout=240_000)
