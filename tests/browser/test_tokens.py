"""Tokens and Swagger UI in a browser, under the strict policy: made, copied, used, revoked."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import ADMIN_SHELL, ADMIN_URLS, PASSWORD, Served, serving
from tests.browser.test_accessibility import check
from tests.support.sites import new_sqlite_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(params=["web shop", "admin"])
def shown(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[Served]:
    site = new_sqlite_site(tmp_path_factory.mktemp("tokens"))
    (site.home / "admin_only.py").write_text(ADMIN_URLS)
    with serving(site, browser, ADMIN_SHELL if request.param == "admin" else "") as found:
        yield found


def status(shown: Served, token: str) -> int:
    request = urllib.request.Request(
        f"{shown.address}/settings/backups/api/v1/backups/",
        headers={"Authorization": f"Bearer {token}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_token_is_made_copied_used_and_revoked(shown: Served) -> None:
    page = shown.sign_in(permissions=["clipboard-read", "clipboard-write"])
    found: list[str] = []
    page.locator(".tb").get_by_role("link", name="Automation", exact=True).click()
    page.get_by_role("heading", name="Automate this").wait_for()
    found += check(page, "no token")
    page.get_by_role("link", name="New token").click()
    page.get_by_label("Name", exact=True).fill("deploy")
    page.get_by_label("Only from these networks").fill("127.0.0.1\n::1")
    found += check(page, "form")
    page.get_by_role("button", name="Make the token").click()
    page.get_by_label("Your password").fill("another")
    page.get_by_role("button", name="Make the token").click()
    page.get_by_text("This is not your password.").wait_for()
    found += check(page, "refused form")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Make the token").click()
    token = page.locator("#token").inner_text()
    found += check(page, "made")
    page.get_by_role("button", name="Copy the token").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == token
    page.get_by_role("button", name="Copy the lines for curl").click()
    assert shown.address in page.evaluate("navigator.clipboard.readText()")
    assert status(shown, token) == 200
    page.get_by_role("link", name="I have kept it").click()
    page.get_by_role("button", name="Revoke deploy").wait_for()
    assert token not in page.content()
    found += check(page, "list")
    page.get_by_role("button", name="Revoke deploy").click()
    found += check(page, "revoke")
    page.get_by_role("button", name="Revoke the token").click()
    page.get_by_text("Token deploy is worth nothing any more.").wait_for()
    assert status(shown, token) == 401
    assert not found, "\n".join(found)


def test_swagger_ui_shows_every_operation_and_asks_as_who_is_signed_in(shown: Served) -> None:
    page = shown.sign_in()
    shown.go(page, "api/v1/docs/")
    page.locator(".opblock").first.wait_for()
    operations = page.locator(".opblock").count()
    described = page.evaluate(
        "fetch('../schema/').then((answer) => answer.json()).then((found) => "
        "Object.values(found.paths).flatMap((each) => Object.keys(each)).length)"
    )
    assert operations == described > 15
    # It changes something, so it needs the token of the site's own forms.
    page.locator("#operations-backups-sync_backups .opblock-summary-control").click()
    block = page.locator("#operations-backups-sync_backups")
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    block.locator(".live-responses-table").get_by_text("There is no such destination").wait_for()
