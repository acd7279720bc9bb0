"""Notifications in a browser: one is set up, tried out, seen to work and to fail, and deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import ADMIN_SHELL, ADMIN_URLS, Served, serving
from tests.browser.test_accessibility import check
from tests.support.listener import Listener
from tests.support.sites import new_sqlite_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(params=["web shop", "admin"])
def shown(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[Served]:
    site = new_sqlite_site(tmp_path_factory.mktemp("notifications"))
    admin = request.param == "admin"
    (site.home / "admin_only.py").write_text(ADMIN_URLS)
    settings = f"ADMINS = []\n{ADMIN_SHELL if admin else ''}"
    with serving(site, browser, settings) as found:
        yield found


def test_a_webhook_is_set_up_tried_out_and_deleted(shown: Served, listener: Listener) -> None:
    page = shown.sign_in()
    found: list[str] = []
    page.locator(".tb").get_by_role("link", name="Notifications", exact=True).click()
    page.get_by_text("Nobody hears of it when a backup fails").wait_for()
    found += check(page, "none")
    page.get_by_role("link", name="Webhook").click()
    page.get_by_label("Name", exact=True).fill("ops")
    page.get_by_label("Address", exact=True).fill(f"{listener.url}/secret-path")
    secret = page.locator("#made").inner_text()
    assert secret.startswith("whsec_")
    found += check(page, "form")
    listener.answers = [503]
    page.get_by_role("button", name="Send a test message").click()
    page.get_by_text("it answers with status 503").first.wait_for()
    found += check(page, "failed test")
    # The address is not sent back, and need not be entered again.
    assert page.get_by_label("Address", exact=True).input_value() == ""
    page.get_by_role("button", name="Send a test message").click()
    page.get_by_text(f"A test message was sent to {listener.url}.").first.wait_for()
    for box in page.get_by_role("group", name="It hears of").get_by_role("checkbox").all():
        box.uncheck()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Tick at least one").wait_for()
    found += check(page, "refused form")
    page.get_by_label("A run went well").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Notification ops was saved.").wait_for()
    assert secret not in page.content()
    page.reload()  # the shell's own message is not ours to look at
    found += check(page, "one")
    page.get_by_role("button", name="Send a test message").click()
    page.get_by_text(f"A test message was sent to {listener.url}.").first.wait_for()
    shown.go(page, "notification/ops/")
    assert [json.loads(each.body)["type"] for each in listener.requests] == ["backup.test"] * 3
    assert {each.path for each in listener.requests} == {"/secret-path"}

    shown.site.manage("create_backup")
    page.reload()
    page.locator(".tb-chip.tb-sent").wait_for()
    shown.site.query("UPDATE trustbackup_delivery SET state='failed', problem='It is gone.'")
    page.reload()
    page.locator(".tb-chip.tb-failed", has_text="failing").wait_for()
    found += check(page, "history")
    page.get_by_role("link", name="All notifications").click()
    page.get_by_role("button", name="Test ops").wait_for()
    found += check(page, "list")
    page.get_by_role("link", name="ops", exact=True).click()
    page.get_by_role("button", name="Delete…").click()
    page.get_by_text("are forgotten").wait_for()
    found += check(page, "delete")
    page.get_by_role("button", name="Delete the notification").click()
    page.get_by_text("Notification ops was deleted.").wait_for()
    page.get_by_text("Nobody hears of it when a backup fails").wait_for()
    assert shown.site.query("SELECT count(*) FROM trustbackup_route") == [(0,)]
    assert not found, "\n".join(found)
