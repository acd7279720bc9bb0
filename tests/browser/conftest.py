"""A web shop that is served, and a browser that looks at it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.backups import wait_for
from tests.support.sites import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PASSWORD = "a password of the tests"


@dataclass
class Served:
    """A site and where it is served."""

    site: Site
    address: str

    def sign_in(self, browser: Browser, name: str = "operator", **options: Any) -> Page:
        """A page of a fresh browser, signed in and on the list of backups."""
        page = browser.new_context(**options).new_page()
        page.set_default_timeout(20_000)
        self.log_in(page, name)
        return page

    def log_in(self, page: Page, name: str = "operator") -> None:
        page.goto(f"{self.address}/login/?next=/settings/backups/")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("main").get_by_role("button", name="Log in").click()
        page.wait_for_url("**/settings/backups/")


@pytest.fixture
def served(any_site: Site) -> Iterator[Served]:
    """Each engine's site behind Django's own server, with a superuser named operator."""
    with serving(any_site) as found:
        yield found


@contextlib.contextmanager
def serving(site: Site) -> Iterator[Served]:
    site.manage(
        "createsuperuser", "--noinput", "--username", "operator", "--email", "operator@example.com",
        env={"DJANGO_SUPERUSER_PASSWORD": PASSWORD},
    )  # fmt: skip
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    process = site.start("runserver", f"127.0.0.1:{port}", "--noreload", "--nothreading")
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, process.communicate()
        try:
            return bool(urllib.request.urlopen(f"{address}/login/", timeout=2).status == 200)
        except OSError:
            return False

    try:
        wait_for(answers)
        yield Served(site, address)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.communicate()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium")
    if program is None:
        pytest.fail("chromium is not installed: `make test` installs it, or says how.")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield launched
        launched.close()
