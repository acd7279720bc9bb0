"""One app's data from the pages: made by the form, shown before it comes back, and put back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.backups import QUICK_PASSWORDS, make
from tests.support.gallery import add_gallery
from tests.support.sites import Site
from tests.support.task_backends import IMMEDIATE

BROWSE = """
import html, json, re
from django.contrib.auth.models import Permission, User
from django.test import Client
from trustbackup.models import AuditEvent, Run
operator = Client(SERVER_NAME="localhost")
if not User.objects.filter(username="operator").exists():
    User.objects.create_superuser("operator", password="the right one")
operator.force_login(User.objects.get(username="operator"))
BASE = "/settings/backups/"
def said(answer):
    return html.unescape(answer.content.decode()).replace("<wbr>", "")
def runs():
    return list(Run.objects.order_by("started").values_list("action", "state", "error", "outcome"))
def hidden(page, name):
    found = re.search(f'name="{name}" value="([^"]*)"', page.content.decode())
    return found[1] if found else ""
def restore_page(identifier, mode):
    return operator.get(f"{BASE}backup/{identifier}/restore/", {"mode": mode})
def confirm(page, identifier, **data):
    values = {"mode": hidden(page, "mode"), "shown": hidden(page, "shown"),
              "typed": "gallery", "password": "the right one", **data}
    return operator.post(f"{BASE}backup/{identifier}/restore/", values)
"""


def browse(site: Site, code: str, **values: Any) -> Any:
    """Run this beside a signed-in operator's browser; what it prints, from JSON."""
    named = "".join(f"{name} = {value!r}\n" for name, value in values.items())
    script = f"{BROWSE}{named}{code}"
    return site.manage("shell", "--no-imports", "--verbosity", "0", "-c", script).json


@pytest.fixture
def gallery(sqlite_site: Site) -> Site:
    """A site with the gallery, whose runs are over when the page answers."""
    add_gallery(sqlite_site)
    settings = sqlite_site.home / "more_settings.py"
    settings.write_text(
        f"{settings.read_text()}TASKS = {{'trustbackup': {IMMEDIATE!r}}}\n{QUICK_PASSWORDS}\n"
    )
    return sqlite_site


CREATE = """
page = operator.get(BASE).content.decode()
offered = {
    name: re.findall(
        '<option value="([^"]*)"', re.search(f'<select name="{name}".*?</select>', page, re.S)[0]
    )
    for name in ("type", "app", "format")
}
tried = []
for more in (
    {"app": "gallery", "format": "xml"}, {"app": ""}, {"app": "nothing"},
    {"app": "gallery", "format": "csv"}, {"app": "gallery", "type": "database"},
):
    asked = {"create_backup": "1", "type": "app", "databases": ["default"], **more}
    tried.append(said(operator.post(BASE, asked, follow=True)))
print(json.dumps([offered, tried, runs()]))
"""


def test_the_form_makes_a_backup_of_one_app(gallery: Site) -> None:
    offered, (_made, none, unknown, strange, torn), runs = browse(gallery, CREATE)
    assert offered["type"] == ["database", "full", "media", "settings", "app"]
    assert {"gallery", "shop", "auth"} <= set(offered["app"])
    assert not {"trustbackup", "staticfiles"} & set(offered["app"])
    assert offered["format"][0] == "jsonl"
    assert "Choose the app whose data is to be backed up." in none
    assert "An app is chosen, and the type is another" in torn
    for page in (unknown, strange):
        assert "Select a valid choice" in page
    ((action, state, error, outcome),) = runs
    assert (action, state) == ("create", "succeeded"), error
    (held,) = gallery.manage("list_backups", "--json").json
    assert (held["id"], held["kind"], held["trigger"]) == (outcome["backup"], "app", "page")
    assert (gallery.backups / f"backup_{held['id']}.app-gallery.xml.gz").is_file()


RESTORE = """
from gallery.models import Picture, Tag
from visits.models import Award, Favourite, Visit
tag = Tag.objects.create(slug="late")
award = Award.objects.create(tag=tag)
forbidden = restore_page(MADE, "replace")
refused = confirm(forbidden, MADE, mode="replace")
award.delete()
Visit.objects.create(tag=tag)
Tag.objects.filter(slug="tag-1").update(slug="changed")
seen = restore_page(MADE, "replace")
before = len(runs())
wrong = [confirm(seen, MADE, **data).status_code for data in (
    {"typed": "galleries"}, {"password": "another"}, {"shown": ""}, {"mode": "add"})]
other = Visit.objects.create(tag=tag)
meanwhile = confirm(seen, MADE)
other.delete()
unbegun = len(runs()) - before
done = confirm(seen, MADE)
page = said(operator.get(done.url))
print(json.dumps({
    "forbidden": said(forbidden), "refused": said(refused), "seen": said(seen), "wrong": wrong,
    "meanwhile": [meanwhile.status_code, said(meanwhile)], "unbegun": unbegun,
    "status": done.status_code, "page": page, "run": runs()[-1],
    "tags": sorted(Tag.objects.values_list("slug", flat=True)), "visits": Visit.objects.count(),
    "audit": list(AuditEvent.objects.filter(action="restore").values_list("actor", "target")),
}))
"""


def test_a_restore_is_shown_confirmed_and_done_on_the_page(gallery: Site) -> None:
    made = make(gallery, "--type", "app", "--app", "gallery")
    found = browse(gallery, RESTORE, MADE=made["id"])
    for page in (found["forbidden"], found["refused"]):
        assert "visits.Award" in page
        assert 'name="typed"' not in page
    assert "1 row of visits.Visit is deleted with them." in found["seen"]
    assert "The whole database is backed up first" in found["seen"]
    assert found["wrong"] == [422] * 4
    status, text = found["meanwhile"]
    assert status == 422
    assert "2 rows of visits.Visit are deleted with them." in text
    assert "look at it again" in text
    assert found["unbegun"] == 0
    assert found["status"] == 302
    action, state, error, outcome = found["run"]
    assert (action, state) == ("restore", "succeeded"), error
    assert outcome["app"]["models"]["gallery.Tag"] == {
        "added": 0, "updated": 1, "same": 2, "deleted": 1
    }  # fmt: skip
    assert "gallery.Tag: 0 added, 1 updated, 1 deleted" in found["page"]
    assert f"backup/{outcome['app']['safety_backup']}/restore/?mode=replace" in found["page"]
    assert found["tags"] == ["tag-0", "tag-1", "tag-2"]
    assert found["visits"] == 0
    assert found["audit"] == [["operator", made["id"]]]


LIMITS = """
from trustbackup.views.backups import app_restore
looker = Client(SERVER_NAME="localhost")
user = User.objects.create_user("looker")
user.user_permissions.set(Permission.objects.filter(codename="view_backup"))
looker.force_login(user)
path = f"{BASE}backup/{MADE}/restore/"
statuses = [looker.get(path).status_code, looker.post(path, {}).status_code,
            Client(SERVER_NAME="localhost").get(path).status_code]
strange = hidden(restore_page(MADE, "nothing\\0"), "mode")
app_restore.LOOKED_AT_ONCE = 1
large = restore_page(MADE, "add")
begun = confirm(large, MADE).status_code
print(json.dumps([statuses, strange, said(large), begun, runs()]))
"""


def test_who_may_not_and_what_is_too_large_begins_nothing(gallery: Site) -> None:
    made = make(gallery, "--type", "app", "--app", "gallery")
    gallery.query("DELETE FROM trustbackup_run")
    statuses, strange, large, begun, runs = browse(gallery, LIMITS, MADE=made["id"])
    assert statuses == [403, 403, 302]
    assert strange == "update"
    assert f"restore_backup {made['id']} --mode add --dry-run" in large
    assert 'name="typed"' not in large
    assert begun == 200
    assert runs == []


STALE = """
from trustbackup.models import Run
from trustbackup.runs.queue import start
from visits.models import Visit
from gallery.models import Tag
tag = Tag.objects.create(slug="late")
Visit.objects.create(tag=tag)
options = {"backup": MADE, "mode": "replace", "outside": [{}, {}]}
run, _new = start("restore", options, actor="operator", target=MADE)
run.refresh_from_db()
print(json.dumps([run.state, run.error, Tag.objects.count(), Visit.objects.count()]))
"""


def test_a_run_that_would_reach_farther_than_was_shown_changes_nothing(gallery: Site) -> None:
    made = make(gallery, "--type", "app", "--app", "gallery")
    state, error, tags, visits = browse(gallery, STALE, MADE=made["id"])
    assert state == "failed"
    assert "rows of other apps changed since the plan was made" in json.dumps(error)
    assert (tags, visits) == (4, 1)
    assert len(gallery.manage("list_backups", "--json").json) == 1
