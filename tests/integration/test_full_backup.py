"""A full backup: the database, its uploaded files and the settings, back together or by part."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_app_restore_page import browse
from tests.support.backups import assert_refused, listed, make, more_settings, run_all, verify
from tests.support.content import digest
from tests.support.media import beside, snapshot
from tests.support.sites import Site
from tests.support.task_backends import IMMEDIATE

FULL = ("--type", "full")


def restore(site: Site, made: dict[str, Any], *options: str) -> dict[str, Any]:
    found: dict[str, Any] = site.manage(
        "restore_backup", made["id"], "--force", "--json", *options
    ).json
    return found


def change(site: Site) -> None:
    """Another row, another file, one less of each."""
    site.query("UPDATE shop_product SET stock = stock + 7 WHERE product_id < 3")
    site.query("DELETE FROM shop_cartitem")
    (first, *_others) = sorted(path for path in site.media.rglob("*") if path.is_file())
    first.unlink()
    (site.media / "new one").write_text("new")


def state(site: Site) -> tuple[object, ...]:
    return digest(site), snapshot(site.media)


@pytest.mark.three_engines
def test_everything_goes_out_and_comes_back_together_and_is_undone_together(
    any_site: Site,
) -> None:
    then = state(any_site)
    made = make(any_site, *FULL)
    assert [file["part"] for file in made["files"]] == [
        "default", "media", "media-files", "settings"
    ]  # fmt: skip
    (found,) = listed(any_site)
    assert found["databases"] == ["default", "media/", "settings"]
    assert (found["kind"], found["state"]) == ("full", "complete")
    assert verify(any_site, made["id"])["ok"]
    drilled = any_site.manage("verify_backup", made["id"], "--restore").stdout
    assert "every table's rows, every file's content and the settings compared" in drilled
    change(any_site)
    now = state(any_site)
    planned = any_site.manage("restore_backup", made["id"], "--dry-run", "--json").json
    assert set(planned["databases"]) == {"default"}
    assert planned["folders"]["media"]["added"] == 1
    assert planned["refusals"] == []
    assert state(any_site) == now
    done = restore(any_site, made)
    assert state(any_site) == then
    assert set(done["databases"]) == {"default"}
    assert set(done["folders"]) == {"media/"}
    assert len(any_site.manage("list_restores", "--json").json) == 2
    any_site.manage("undo_restore")
    assert state(any_site) == now
    any_site.manage("undo_restore", any_site.manage("list_restores", "--json").json[0]["id"])
    assert state(any_site) == then
    any_site.manage("release_restore", "--yes")
    assert beside(any_site) == []
    assert any_site.manage("list_restores", "--json").json == []


def test_each_part_comes_back_by_itself(sqlite_site: Site) -> None:
    rows, files = state(sqlite_site)
    made = make(sqlite_site, *FULL)
    change(sqlite_site)
    changed_rows, changed_files = state(sqlite_site)
    restore(sqlite_site, made, "--part", "media")
    assert state(sqlite_site) == (changed_rows, files)
    restore(sqlite_site, made, "--part", "database")
    assert state(sqlite_site) == (rows, files)
    sqlite_site.query("UPDATE auth_group SET name = 'x'")
    sqlite_site.query("INSERT INTO auth_group (name) VALUES ('later')")
    done = restore(sqlite_site, made, "--part", "settings", "--mode", "replace")
    assert (done["settings"], done["models"]["auth.Group"]["deleted"]) == (True, 1)
    (sqlite_site.media / "new one").write_text("again")
    assert restore(sqlite_site, made, "--part", "media", "--only-missing")["folders"]["media"]
    assert (sqlite_site.media / "new one").exists()
    assert changed_files != files


def test_everything_comes_back_where_nothing_is_left(sqlite_site: Site) -> None:
    then = state(sqlite_site)
    made = make(sqlite_site, *FULL)
    shutil.rmtree(sqlite_site.media)
    sqlite_site.sqlite_file.unlink()
    restore(sqlite_site, made)
    assert state(sqlite_site) == then
    assert beside(sqlite_site) == []
    assert list((sqlite_site.backups / ".restores").glob("*.json")) == []


def test_the_manifest_counts_files_that_are_missing_and_files_that_no_row_names(
    sqlite_site: Site,
) -> None:
    (count,) = sqlite_site.query("SELECT count(*) FROM shop_product WHERE picture <> ''")[0]
    assert count > 2
    (gone,) = sqlite_site.query("SELECT picture FROM shop_product WHERE product_id = 1")[0]
    (sqlite_site.media / gone).unlink()
    (sqlite_site.media / "nobody's.txt").write_text("x")
    shown = sqlite_site.manage("show_backup", make(sqlite_site, *FULL)["id"], "--json").json
    assert shown["full"] == {
        "lacking": {},
        "named": count,
        "missing": 1,
        "rows": [f"shop.Product 1 picture: {gone}"],
        "unnamed": 1,
    }


def test_a_part_that_cant_be_read_makes_the_run_partial_and_the_database_sound(
    sqlite_site: Site,
) -> None:
    then = digest(sqlite_site)
    aside = sqlite_site.folder / "aside"
    sqlite_site.media.rename(aside)
    ended = sqlite_site.manage("create_backup", *FULL, "--json", check=False)
    assert ended.returncode == 1
    (sentence,) = ended.json["amiss"]
    assert "media" in sentence
    assert str(sqlite_site.media) in sentence
    assert not list(sqlite_site.backups.glob("*media*"))
    (found,) = listed(sqlite_site)
    assert (found["state"], found["databases"]) == ("complete", ["default", "settings"])
    assert verify(sqlite_site, ended.json["id"])["ok"]
    ((run,),) = sqlite_site.query("SELECT state FROM trustbackup_run WHERE action = 'create'")
    assert run == "partial"
    assert_refused(
        sqlite_site.manage(
            "restore_backup", ended.json["id"], "--force", "--part", "media", check=False
        ),
        "media",
    )
    aside.rename(sqlite_site.media)
    change(sqlite_site)
    files = snapshot(sqlite_site.media)
    done = sqlite_site.manage("restore_backup", ended.json["id"], "--force")
    assert "has no media" in done.stderr
    assert digest(sqlite_site) == then
    assert snapshot(sqlite_site.media) == files


def test_what_cant_be_done_with_a_full_backup_is_one_sentence(sqlite_site: Site) -> None:
    made = make(sqlite_site, *FULL)
    there = state(sqlite_site)
    restore = ["restore_backup", made["id"], "--force"]
    wanted = [
        (["create_backup", *FULL, "--app", "shop"], "--app"),
        ([*restore, "--part", "nothing"], "nothing"),
        ([*restore, "--part", "media", "--part", "settings"], "Settings"),
        ([*restore, "--part", "media", "--part", "database"], "--part"),
        ([*restore, "--into", "other"], "--into"),
        ([*restore, "--path", "x"], "--path"),
        ([*restore, "--mode", "add"], "--mode"),
        ([*restore, "--part", "media", "--mode", "add"], "--mode"),
        ([*restore, "--part", "database", "--path", "x"], "--path"),
        ([*restore, "--part", "database", "--database", "default"], "--database"),
    ]
    ended = run_all(sqlite_site, [command for command, _word in wanted])
    for result, (_command, word) in zip(ended, wanted, strict=True):
        assert_refused(result, word)
    archive = Path(made["files"][1]["path"])
    os.rename(archive, archive.with_suffix(".aside"))  # noqa: PTH104 - beside the folder's files
    assert_refused(sqlite_site.manage(*restore, check=False), archive.name)
    more_settings(
        sqlite_site,
        "DATABASES['media'] = {**DATABASES['default'], 'NAME': str(BASE_DIR / 'x.sqlite3')}",
    )
    refused = sqlite_site.manage(
        "create_backup", *FULL, "--database", "media", "--database", "default", check=False
    )
    assert_refused(refused, "media")
    assert state(sqlite_site) == there


PAGE = """
from pathlib import Path
from django.conf import settings
from webshop.shop.models import CartItem
asked = {"create_backup": "1", "type": "full", "databases": ["default"]}
operator.post(BASE, asked, follow=True)
made = runs()[-1][3]["backup"]
detail = said(operator.get(f"{BASE}backup/{made}/"))
path = f"{BASE}backup/{made}/restore/"
new = Path(settings.MEDIA_ROOT) / "new one"
def spoil():
    new.write_text("new")
    CartItem.objects.all().delete()
rows = CartItem.objects.count()
spoil()
seen = said(operator.get(path))
part = said(operator.get(path, {"part": "database"}))
rows_page = said(operator.get(path, {"part": "settings"}))
answer = {"strategy": "", "password": "the right one"}
wrong = operator.post(path, {**answer, "typed": "db.sqlite3"}).status_code
only = operator.post(path, {**answer, "typed": "db.sqlite3", "part": "database"})
after_one = [CartItem.objects.count(), new.exists()]
operator.force_login(User.objects.get(username="operator"))
CartItem.objects.all().delete()
files_page = said(operator.get(path, {"part": "media"}))
files = operator.post(path, {**answer, "typed": "media", "part": "media"}).status_code
after_files = [CartItem.objects.count(), new.exists()]
spoil()
done = operator.post(path, {**answer, "typed": "db.sqlite3, media"})
print(json.dumps([detail, seen, part, rows_page, wrong, only.status_code, after_one, rows,
                  files_page, files, after_files, done.status_code,
                  [CartItem.objects.count(), new.exists()], runs()[-1]]))
"""


def test_everything_is_made_shown_and_restored_on_the_page(sqlite_site: Site) -> None:
    more_settings(sqlite_site, f"TASKS = {{'trustbackup': {IMMEDIATE!r}}}\n")
    (picture,) = sqlite_site.query("SELECT picture FROM shop_product WHERE product_id = 1")[0]
    (sqlite_site.media / picture).unlink()
    (
        detail, seen, part, rows_page, wrong, only, after_one, rows,
        files_page, files, after_files, done, after_all, run,
    ) = browse(sqlite_site, PAGE)  # fmt: skip
    assert f"shop.Product 1 picture: {picture}" in detail
    assert "within a second of each other" in seen
    assert "Not in the backup" in seen
    assert "Replace the database and the files" in seen
    assert "Replace the live database" in part
    assert "Not in the backup" not in part
    assert "The database stays as it is." in files_page
    assert "Not in the backup" in files_page
    assert "shop_product" not in files_page
    for page in (seen, part, rows_page, files_page):
        assert 'href="?part=media">Only the uploaded files</a>' in page
        assert page.count('aria-current="page"') == page.count("tb-primary")
    assert "--part media --path PATH" in detail
    assert "The settings as they are now are backed up first" in rows_page
    assert 'name="part" value="settings"' in rows_page
    assert (wrong, only, files, done) == (422, 302, 302, 302)
    assert after_files == [0, False]
    assert after_one == [rows, True]
    assert after_all == [rows, False]
    assert run[1] == "succeeded", run
