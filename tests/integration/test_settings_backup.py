"""The rows that configure a site: out without secrets, shown, and in again."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from tests.integration.test_app_data import resigned
from tests.integration.test_app_restore_page import browse
from tests.support.backups import assert_refused, listed, make, more_settings, run_all, verify
from tests.support.configured import APPS, CHANGE, configure, look, shell
from tests.support.sites import Site
from tests.support.task_backends import IMMEDIATE

SETTINGS = ("--type", "settings")


def restore(site: Site, identifier: str, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = site.manage(
        "restore_backup", identifier, "--force", "--json", *options
    ).json
    return found


def held(made: dict[str, Any]) -> str:
    return gzip.decompress(Path(made["files"][0]["path"]).read_bytes()).decode()


def test_settings_go_out_and_come_back_alone(any_site: Site) -> None:
    configure(any_site)
    then = look(any_site)
    made = make(any_site, *SETTINGS)
    (file,) = made["files"]
    assert (made["kind"], file["part"]) == ("settings", "settings")
    assert file["file"] == f"backup_{made['id']}.settings.json.gz"
    (found,) = listed(any_site)
    assert (found["databases"], found["state"]) == (["settings"], "complete")
    assert verify(any_site, made["id"])["ok"]
    rows = json.loads(held(made))
    (group,) = (row for row in rows if row["model"] == "auth.group")
    assert ["add_product", "shop", "product"] in group["fields"]["permissions"]
    assert "sealed-secret" not in held(made)
    shell(any_site, CHANGE)
    any_site.query("UPDATE shop_product SET stock = 12345 WHERE product_id = 1")
    now = look(any_site)
    planned = any_site.manage("restore_backup", made["id"], "--dry-run", "--json").json
    assert planned["models"]["auth.Group"] == {"added": 0, "updated": 1, "same": 0, "deleted": 0}
    assert planned["models"]["flatpages.FlatPage"]["added"] == 1
    assert planned["models"]["trustbackup.Destination"]["updated"] == 1
    assert look(any_site) == now
    replaced = any_site.manage(
        "restore_backup", made["id"], "--dry-run", "--json", "--mode", "replace"
    ).json
    assert replaced["models"]["auth.Group"]["deleted"] == 1
    assert replaced["deleted_outside"] == {"auth.User_groups": 1}
    # The new site has the name that the backup's has: told before, and nothing is changed.
    taken = any_site.manage("restore_backup", made["id"], "--force", check=False)
    assert_refused(taken, "domain")
    assert look(any_site) == now
    done = restore(any_site, made["id"], "--mode", "replace")
    assert (done["settings"], done["app"]) == (True, "")
    back = look(any_site)
    for what in ("groups", "olga", "sites", "pages", "plans"):
        assert back[what] == then[what], what
    # Its password, and what was observed, are not the backup's to say.
    assert back["destinations"] == {"offsite": [{"host": "h", "user": "u"}, "newer", 7]}
    # It has another schedule than it had a moment ago: it owes nothing of the time before.
    assert back["scheduled"]["hourly"] > now["scheduled"]["hourly"]
    assert any_site.query("SELECT stock FROM shop_product WHERE product_id = 1") == [(12345,)]
    undone = any_site.manage("restore_backup", *done["undo"].split()[2:], "--force", check=False)
    assert undone.returncode == 0, str(undone)


def test_a_destination_that_comes_back_has_no_secret_and_that_is_said(sqlite_site: Site) -> None:
    configure(sqlite_site)
    made = make(sqlite_site, *SETTINGS)
    sqlite_site.query("DELETE FROM trustbackup_destination")
    planned = sqlite_site.manage("restore_backup", made["id"], "--dry-run", "--json").json
    (sentence,) = planned["warnings"]
    assert "1 destination comes back without its password" in sentence
    restore(sqlite_site, made["id"], "--no-safety-backup")
    assert look(sqlite_site)["destinations"] == {"offsite": [{"host": "h", "user": "u"}, "", None]}
    made = make(sqlite_site, *SETTINGS)
    shell(
        sqlite_site,
        "from trustbackup.models import Destination\n"
        "Destination.objects.create(name='other', kind='folder', secrets='s')",
    )
    options = ("--dry-run", "--json", "--mode", "replace")
    planned = sqlite_site.manage("restore_backup", made["id"], *options).json
    assert "1 destination goes, and its password" in planned["warnings"][0]


def test_only_installed_apps_are_looked_at_unless_models_are_named(sqlite_site: Site) -> None:
    made = make(sqlite_site, *SETTINGS)
    tables = sqlite_site.manage("show_backup", made["id"], "--json").json["parts"][0]["tables"]
    assert {table["name"] for table in tables} == {
        "auth_group", "trustbackup_plan", "trustbackup_destination"
    }  # fmt: skip
    more_settings(sqlite_site, "TRUSTBACKUP['SETTINGS_MODELS'] = ['shop.Category']")
    named = make(sqlite_site, *SETTINGS)
    assert {row["model"] for row in json.loads(held(named))} == {"shop.category"}
    # What the backup holds is restored, whatever the setting says today.
    restore(sqlite_site, made["id"])
    plans = "TRUSTBACKUP['PLANS'] = {'rows': {'KIND': 'settings', 'SCHEDULE': '@hourly'}}"
    more_settings(sqlite_site, plans)
    (ran,) = sqlite_site.manage("backup_all", "--json").json
    assert (ran["state"], ran["problem"]) == ("succeeded", "")
    assert listed(sqlite_site)[0]["kind"] == "settings"


def test_wrong_settings_models_are_found_by_the_checks_and_make_nothing(sqlite_site: Site) -> None:
    for value, word in (
        ("'sites.Site'", "list of texts"),
        ("['nothing.Nothing']", "nothing.Nothing"),
        ("['shop']", "'shop'"),
        ("['trustbackup.Run']", "index"),
    ):
        more_settings(sqlite_site, f"TRUSTBACKUP['SETTINGS_MODELS'] = {value}")
        checked = sqlite_site.manage("check", "--tag", "trustbackup", check=False)
        assert checked.returncode == 1
        assert word in checked.stderr
        assert_refused(sqlite_site.manage("create_backup", *SETTINGS, check=False), word)
    assert not list(sqlite_site.backups.glob("backup_*"))


def test_what_cant_be_done_with_settings_is_one_sentence(sqlite_site: Site) -> None:
    configure(sqlite_site)
    made = make(sqlite_site, *SETTINGS)
    restore = ["restore_backup", made["id"], "--force"]
    wanted = [
        (["create_backup", *SETTINGS, "--content"], "--content"),
        (["create_backup", *SETTINGS, "--format", "xml"], "--format"),
        (["create_backup", *SETTINGS, "--app", "shop"], "--app"),
        (["create_backup", *SETTINGS, "--database", "nowhere"], "nowhere"),
        ([*restore, "--swap"], "--swap"),
        ([*restore, "--into", "other"], "--into"),
        ([*restore, "--mode", "perhaps"], "perhaps"),
        (["verify_backup", made["id"], "--restore"], "settings"),
    ]
    ended = run_all(sqlite_site, [command for command, _word in wanted])
    for result, (_command, word) in zip(ended, wanted, strict=True):
        assert_refused(result, word)


def test_a_model_that_is_gone_and_crafted_rows_change_nothing(sqlite_site: Site) -> None:
    configure(sqlite_site)
    made, then = make(sqlite_site, *SETTINGS), look(sqlite_site)
    text = held(made)
    for before, after, word in (
        ('"auth.group"', '"trustbackup.run"', "trustbackup.run"),
        ('"auth.group"', '"auth.user"', "auth.user"),
        ('"add_product"', '"no_such_right"', "permissions"),
        ('"name": "packers"', '"name": 3, "secrets": "x"', "secrets"),
        ("[", "{", "list"),
    ):
        resigned(sqlite_site, made, text.replace(before, after).encode())
        ended = sqlite_site.manage("restore_backup", made["id"], "--force", check=False)
        assert_refused(ended, word)
        assert look(sqlite_site) == then
    resigned(sqlite_site, made, text.encode())
    gone = APPS.replace(', "django.contrib.flatpages"', "")
    more_settings(sqlite_site, gone)
    ended = sqlite_site.manage("restore_backup", made["id"], "--force", check=False)
    assert_refused(ended, "django_flatpage")


PAGE = """
from django.contrib.auth.models import Group
from trustbackup.models import Plan
asked = {"create_backup": "1", "type": "settings", "databases": ["default"]}
operator.post(BASE, asked, follow=True)
made = runs()[-1][3]["backup"]
detail = said(operator.get(f"{BASE}backup/{made}/"))
Group.objects.create(name="later")
Plan.objects.all().update(schedule="5 * * * *")
seen = restore_page(made, "update")
wrong = [confirm(seen, made, **data).status_code for data in (
    {"typed": "default"}, {"typed": "settings", "password": "another"})]
done = confirm(seen, made, typed="settings")
print(json.dumps([detail, said(seen), wrong, said(operator.get(done.url)), runs()[-1],
                  list(Plan.objects.values_list("schedule", flat=True)),
                  Group.objects.filter(name="later").count()]))
"""


def test_settings_are_made_shown_and_restored_on_the_page(sqlite_site: Site) -> None:
    configure(sqlite_site)
    more_settings(sqlite_site, f"{APPS}TASKS = {{'trustbackup': {IMMEDIATE!r}}}\n")
    detail, seen, wrong, page, run, plans, later = browse(sqlite_site, PAGE)
    assert "trustbackup_destination" in detail
    assert ">Drill</button>" not in detail
    assert "Putting them back from the command line" in detail
    assert "trustbackup.Plan" in seen
    assert "The settings as they are now are backed up first" in seen
    assert wrong == [422, 422]
    assert run[1] == "succeeded", run
    assert "trustbackup.Plan: 0 added, 1 updated, 0 deleted" in page
    assert (plans, later) == (["0 * * * *"], 1)
