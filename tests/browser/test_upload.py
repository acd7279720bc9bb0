"""A backup that was downloaded, deleted and uploaded again, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.conftest import Served, selection_button
from tests.support.backups import listed, make, verify


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_what_was_downloaded_is_uploaded_again(shop: Served, tmp_path: Path, scripts: bool) -> None:
    made = make(shop.site, "--name", "comes back")
    page = shop.sign_in(java_script_enabled=scripts)
    page.get_by_role("checkbox", name=made["id"]).check()
    with page.expect_download() as started:
        selection_button(page, "Download zip").click()
    bundle = tmp_path / "bundle.zip"
    started.value.save_as(bundle)
    shop.site.manage("delete_backup", made["id"], "--yes", "--last-good-too")
    shop.go(page)
    page.get_by_role("link", name="Upload a backup").click()
    page.get_by_label("Files").set_input_files(bundle)
    page.get_by_role("button", name="Upload and check").click()
    page.get_by_role("heading", name="comes back").wait_for()
    assert made["id"] in {row["id"] for row in listed(shop.site)}
    assert verify(shop.site, made["id"])["ok"]


def test_what_is_no_backup_is_refused_with_a_sentence(shop: Served, tmp_path: Path) -> None:
    before = listed(shop.site)
    other = tmp_path / "holiday.jpg"
    other.write_bytes(b"\xff\xd8\xff no dump at all" * 100)
    page = shop.sign_in()
    shop.go(page, "upload/")
    page.get_by_label("Files").set_input_files(other)
    page.get_by_role("button", name="Upload and check").click()
    assert "holiday.jpg" in page.get_by_role("alert").inner_text()
    assert listed(shop.site) == before
