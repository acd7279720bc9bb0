"""Encrypted backups on the page: an identity is pasted, held sealed, and never shown."""

from __future__ import annotations

import json
from pathlib import Path

from tests.integration.test_app_restore_page import browse
from tests.support.backups import listed, make, more_settings
from tests.support.keys import new_key
from tests.support.sites import Site
from tests.support.task_backends import IMMEDIATE

PAGES = """
import html
address = f"{BASE}backup/{ID}/"
def seen(response):
    text = html.unescape(response.content.decode())
    assert KEY not in text and STRANGER not in text
    return text
out = {"before": seen(operator.get(address + "restore/"))}
out["wrong"] = seen(operator.post(address + "identity/", {"identity": "no key"}, follow=True))
other = {"identity": STRANGER, "following": "restore"}
out["other"] = seen(operator.post(address + "identity/", other, follow=True))
seen(operator.post(BASE + "act/drill/", {"selected": ID}, follow=True))
right = {"identity": "# a comment\\r\\n" + KEY + "\\r\\n", "following": "restore"}
out["plan"] = seen(operator.post(address + "identity/", right, follow=True))
out["detail"] = seen(operator.get(address))
seen(operator.post(BASE + "act/drill/", {"selected": ID}, follow=True))
out["forgotten"] = seen(operator.post(address + "identity/", {"forget": "1"}, follow=True))
seen(operator.post(BASE + "act/drill/", {"selected": ID}, follow=True))
from trustbackup.models import Run
from django.contrib.sessions.models import Session
out["runs"] = [
    [run.action, run.state, str(run.options), str(run.error)] for run in Run.objects.all()
]
out["sessions"] = [str(each.get_decoded()) for each in Session.objects.all()]
print(json.dumps(out))
"""


def test_an_identity_is_pasted_used_and_forgotten(sqlite_site: Site, tmp_path: Path) -> None:
    more_settings(sqlite_site, f"TASKS = {{'trustbackup': {IMMEDIATE!r}}}")
    key, stranger = new_key(tmp_path), new_key(tmp_path, "stranger")
    secret, other = (each.identity.read_text().splitlines()[-1] for each in (key, stranger))
    made = make(sqlite_site, "--encrypt-to", key.recipient)
    found = browse(sqlite_site, PAGES, ID=made["id"], KEY=secret, STRANGER=other)
    assert "no identity was given" in found["before"]
    assert "The identity that opens it" in found["before"]
    assert "That is no identity" in found["wrong"]
    assert "An identity of another key is held" in found["other"]
    assert "encrypted to other keys than that" in found["other"]
    assert "An identity that opens it is held, sealed, in your session until" in found["plan"]
    assert "Replace the live database" in found["plan"]
    assert "Replace the live database" not in found["before"] + found["other"]
    assert "The identity that opens it" in found["forgotten"]
    drills = [run for run in found["runs"] if run[0] == "drill"]
    assert sorted(run[1] for run in drills) == ["failed", "failed", "succeeded"]
    for text in (json.dumps(found["runs"]), *found["sessions"]):
        assert secret not in text
        assert other not in text
        assert "sealed" not in text
    (row,) = listed(sqlite_site)
    assert row["drilled"]["ok"] is True


def test_a_plan_encrypts_what_it_makes_and_its_form_refuses_what_is_no_key(
    sqlite_site: Site, tmp_path: Path
) -> None:
    key = new_key(tmp_path)
    plan = {"KIND": "full", "ENCRYPT_TO": [key.recipient]}
    more_settings(sqlite_site, f"TRUSTBACKUP = {{**TRUSTBACKUP, 'PLANS': {{'night': {plan!r}}}}}")
    sqlite_site.manage("backup_all", "night")
    data = [path.name for path in sqlite_site.backups.glob("backup_*") if ".json" not in path.name]
    assert {name[-4:] for name in data if "manifest" not in name} == {".age"}
    (planned,) = sqlite_site.manage("list_plans", "--json").json["plans"]
    assert (planned["encrypt_to"], planned["incremental"]) == ([key.recipient], False)
    plan["ENCRYPT_TO"] = ["age1nothing"]
    more_settings(sqlite_site, f"TRUSTBACKUP = {{**TRUSTBACKUP, 'PLANS': {{'night': {plan!r}}}}}")
    checked = sqlite_site.manage("check", check=False)
    assert "'age1nothing' is no public key" in checked.stderr
