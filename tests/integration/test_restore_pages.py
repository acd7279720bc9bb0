"""The page before a restore, and the list after it."""

from __future__ import annotations

import html
import re
from typing import Any

from tests.support.backups import QUICK_PASSWORDS, make, more_settings
from tests.support.damage import sign_again
from tests.support.restores import restore
from tests.support.sites import Site
from tests.support.task_backends import DUMMY

LOOK = """
import json
from django.contrib.auth.models import Permission, User
from django.test import Client
def pages(rights):
    user, _new = User.objects.get_or_create(username="looker")
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    return [client.get("/settings/backups/" + path).content.decode() for path in PATHS]
print(json.dumps([pages(["view_backup", "restore_backup"]), pages(["view_backup"])]))
"""


def look(site: Site, *paths: str) -> list[list[str]]:
    """The pages, for who may restore and for who may only look."""
    code = f"PATHS = {list(paths)!r}\n{LOOK}"
    found: list[list[str]] = site.manage("shell", "--verbosity", "0", "-c", code).json
    return [[_plain(page) for page in pages] for pages in found]


def _plain(page: str) -> str:
    return html.unescape(page).replace("<wbr>", "").replace("\N{NO-BREAK SPACE}", " ")


def tables(text: str) -> set[str]:
    return {name.rpartition(".")[2] for name in re.findall(r'<th scope="row">([^<]*)', text)}


def test_case_h10_what_a_restore_changes_comes_first_and_the_rest_is_folded(
    any_site: Site,
) -> None:
    made = make(any_site)
    any_site.query("DELETE FROM shop_cartitem")
    ((page,), _lookers) = look(any_site, f"backup/{made['id']}/restore/")
    before, folded = page.split("<details>", 1)
    shown, hidden = tables(before), tables(folded)
    assert "shop_cartitem" in shown
    assert "shop_customer" not in shown
    assert "trustbackup_backup" not in shown
    assert {"shop_customer", "trustbackup_backup"} <= hidden
    assert "shop_cartitem" not in hidden
    assert re.search(r"<summary>\d+ tables keep their number of rows</summary>", folded)


def test_case_h10_the_list_offers_the_undo_while_there_is_one(any_site: Site) -> None:
    made = make(any_site)
    assert "Undo the restore" not in look(any_site, "")[0][0]
    done = restore(any_site, made["id"])
    ((page,), (lookers,)) = look(any_site, "")
    assert f'name="restore" value="{done["undo"]}"' in page
    assert f"Backup <bdi>{made['id']}</bdi> was restored just now" in page
    assert "Undo the restore" not in lookers
    any_site.manage("release_restore", done["undo"], "--yes")
    assert "Undo the restore" not in look(any_site, "")[0][0]


CONFIRM = """
import json
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from trustbackup.models import Run
client = Client(SERVER_NAME="localhost")
client.force_login(User.objects.create_superuser("operator", password="the right one"))
name = str(connection.settings_dict["NAME"]).rpartition("/")[2]
def confirm(identifier):
    data = {"typed": name, "password": "the right one", "strategy": "swap"}
    status = client.post(f"/settings/backups/backup/{identifier}/restore/", data).status_code
    return [status, Run.objects.filter(action="restore", target=identifier).count()]
print(json.dumps([confirm(identifier) for identifier in BACKUPS]))
"""


def from_newer_code(document: dict[str, Any]) -> None:
    document["parts"][0]["migrations"].append(["shop", "9999_x"])


def test_a_plan_that_has_refusals_is_not_begun_by_who_confirms_it_right(
    sqlite_site: Site,
) -> None:
    # Runs are begun, and carried by nobody.
    more_settings(sqlite_site, f"TASKS = {{'trustbackup': {DUMMY!r}}}\n{QUICK_PASSWORDS}")
    good, refused = make(sqlite_site), make(sqlite_site)
    sign_again(refused, from_newer_code)
    code = f"BACKUPS = {[good['id'], refused['id']]!r}\n{CONFIRM}"
    begun, stopped = sqlite_site.manage("shell", "--verbosity", "0", "-c", code).json
    assert begun == [302, 1]
    assert stopped == [200, 0]
