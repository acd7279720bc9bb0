"""A restore ends all sessions but that of the operator who asked for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.backups import make
from tests.support.sites import Site

SIGN_IN = """
import json
from django.contrib.auth.models import User
from django.test import Client
from trustbackup.operations.restore.sessions import hash_of
user, _new = User.objects.get_or_create(username="operator", is_superuser=True)
keys = []
for _ in range(2):
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    keys.append(client.session.session_key)
print(json.dumps({"keys": keys, "hash": hash_of(keys[0])}))
"""
RESTORE = """
from trustbackup.operations.restore.plan import RestoreRequest, plan_restore
from trustbackup.operations.restore.restore import restore_backup
plan = plan_restore("latest", RestoreRequest(strategy="STRATEGY", safety_backup=False))
assert not plan.refusals, plan.refusals
restore_backup(plan, session="HASH")
"""
UNDO = """
from trustbackup.operations.restore.undo import undo_restore
undo_restore(session="HASH")
"""
LOOK = """
import json
from django.contrib.sessions.models import Session
from django.test import Client
client = Client(SERVER_NAME="localhost")
client.cookies["sessionid"] = "KEY"
print(json.dumps({
    "keys": list(Session.objects.values_list("session_key", flat=True)),
    "status": client.get("/settings/backups/").status_code,
}))
"""


def run(site: Site, code: str, **values: str) -> Any:
    for name, value in values.items():
        code = code.replace(name, value)
    text = site.manage("shell", "--verbosity", "0", "-c", code).stdout
    return json.loads(text) if text.strip() else None


@pytest.mark.parametrize("strategy", ["swap", "in place"])
def test_the_operator_stays_signed_in_and_nobody_else(any_site: Site, strategy: str) -> None:
    if strategy == "in place" and any_site.engine != "postgresql":
        pytest.skip("only PostgreSQL is restored in place")
    signed_in = run(any_site, SIGN_IN)
    make(any_site)
    mine = signed_in["keys"][0]
    assert len(run(any_site, LOOK, KEY=mine)["keys"]) == 2
    run(any_site, RESTORE, STRATEGY=strategy, HASH=signed_in["hash"])
    assert run(any_site, LOOK, KEY=mine) == {"keys": [mine], "status": 200}
    if strategy == "swap":
        run(any_site, UNDO, HASH=signed_in["hash"])
        assert run(any_site, LOOK, KEY=mine) == {"keys": [mine], "status": 200}


def test_a_hash_that_is_nobodys_keeps_no_session(any_site: Site) -> None:
    run(any_site, SIGN_IN)
    make(any_site)
    run(any_site, RESTORE, STRATEGY="swap", HASH="0" * 64)
    assert run(any_site, LOOK, KEY="x" * 32) == {"keys": [], "status": 302}


def test_a_session_of_a_user_who_is_not_in_the_backup_is_signed_out(any_site: Site) -> None:
    make(any_site)
    signed_in = run(any_site, SIGN_IN)
    run(any_site, RESTORE, STRATEGY="swap", HASH=signed_in["hash"])
    assert run(any_site, LOOK, KEY=signed_in["keys"][0])["status"] == 302
