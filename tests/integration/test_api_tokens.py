"""Who may use the API: tokens, their scopes and ends, sessions, and rights beside them."""

from __future__ import annotations

import io
import json
import runpy
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.support.api import RIGHTS, ROOT, SCOPES, Caller, caller, robot
from tests.support.task_backends import DUMMY
from trustbackup import urls
from trustbackup.api.throttling import Throttle
from trustbackup.api.urls import described_urls
from trustbackup.models import AccessToken, AuditEvent, Run
from trustbackup.operations.access_tokens import is_well_formed, make_token
from trustbackup.store import names

pytestmark = pytest.mark.django_db

ID = "2026-11-20_10-00-00"


@pytest.fixture(autouse=True)
def nothing_is_carried_out(folder: Path, settings: Any) -> None:
    folder.mkdir(parents=True)
    (folder / f"{names.PREFIX}{ID}.dump").write_bytes(b"no dump at all")
    settings.TASKS = {"trustbackup": DUMMY}


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("backup_token", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_a_token_is_shown_once_and_kept_as_a_digest() -> None:
    robot(*RIGHTS)
    token = run("make", "deploy", "--user", "robot", "--scope", "read").strip()
    assert is_well_formed(token)
    assert not is_well_formed(token[:-1] + ("0" if token[-1] != "0" else "1"))
    assert not is_well_formed("tbk_" + token[5:] + "0")
    row = AccessToken.objects.values().get()
    assert token not in str(row)
    assert token not in run("list") + run("list", "--json")
    assert Caller(token).get("backups/")["count"] == 1
    assert json.loads(run("list", "--json"))[0]["used"] is not None
    run("revoke", "deploy")
    assert Caller(token).problem("GET", "backups/") == (401, "token_revoked")
    trail = list(AuditEvent.objects.order_by("at").values_list("action", flat=True))
    assert trail == ["make token", "API call", "revoke token"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["make"], "No token was named"),
        (["make", "a b", "--user", "robot", "--scope", "read"], "can't be called 'a b'"),
        (["make", "x", "--user", "nobody", "--scope", "read"], "no account 'nobody'"),
        (["make", "x", "--user", "gone", "--scope", "read"], "no account 'gone'"),
        (["make", "x", "--user", "robot"], "can't have the scopes"),
        (["make", "x", "--user", "robot", "--scope", "read", "--days", "0"], "for 0 days"),
        (
            ["make", "x", "--user", "robot", "--scope", "read", "--network", "10.0.0.1/8"],
            "'10.0.0.1/8' is no network",
        ),
        (["make", "taken", "--user", "robot", "--scope", "read"], "already"),
        (["revoke", "x"], "no token 'x'"),
    ],
)
def test_a_command_that_can_not_be_followed_says_why(arguments: list[str], named: str) -> None:
    robot(*RIGHTS)
    User.objects.create_user("gone", is_active=False)
    make_token("taken", "robot", ["read"])
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    assert named in str(caught.value)
    assert AccessToken.objects.count() == 1


def test_a_wrong_expired_or_foreign_token_or_a_dead_ones_is_refused() -> None:
    user = robot(*RIGHTS)
    soon = datetime.now(UTC) + timedelta(hours=1)
    token, row = make_token("t", "robot", ["read"], expires=soon, networks=["10.0.0.0/8"])
    by = Caller(token)
    assert by.problem("GET", "backups/") == (401, "token_network")
    AccessToken.objects.update(networks=["127.0.0.0/8", "::1/128"])
    assert by.get("backups/")["count"] == 1
    for changes, code in (
        ({"expires": datetime.now(UTC)}, "token_expired"),
        ({"account": "another"}, "token_account"),
        ({"account_key": "no number"}, "token_account"),
        ({"account_key": str(user.pk + 1)}, "token_account"),
    ):
        AccessToken.objects.update(**changes)
        assert by.problem("GET", "backups/") == (401, code), changes
        row.networks = ["127.0.0.0/8"]
        row.save()
    assert by.get("backups/")["count"] == 1
    User.objects.update(is_active=False)
    assert by.problem("GET", "backups/") == (401, "token_account")
    user.delete()
    assert by.problem("GET", "backups/") == (401, "token_account")
    for wrong in ("tbk_", "", token[:-1], token.upper(), "ä", "tbk_" + "0" * 49):
        for path in ("backups/", "nonsense/", "undo/"):
            assert Caller(wrong or "x").problem("GET", path) == (401, "token_unknown")
    assert Caller().problem("GET", "backups/") == (401, "not_authenticated")
    assert 'Bearer realm="trustbackup"' in Caller().call("GET", "runs/")[2]["WWW-Authenticate"]


ASKED: dict[str, tuple[str, list[Any], str, str]] = {
    "backups": ("GET", [], "read", "view"),
    "backups POST": ("POST", [], "create", "view add"),
    "backup": ("GET", [ID], "read", "view"),
    "backup PATCH": ("PATCH", [ID], "manage", "view change"),
    "backup DELETE": ("DELETE", [ID], "manage", "view delete"),
    "verify": ("POST", [ID], "create", "view change"),
    "plan": ("GET", [ID], "read", "view restore"),
    "restore": ("POST", [ID], "restore", "view restore"),
    "part": ("GET", [ID, "default"], "download", "download"),
    "links": ("POST", [ID], "download", "download"),
    "bundle": ("GET", [], "download", "download"),
    "bundle POST": ("POST", [], "download", "download"),
    "upload": ("POST", [], "create", "view add"),
    "undo": ("POST", [], "restore", "view restore"),
    "runs": ("GET", [], "read", "view"),
    "run": ("GET", ["00000000-0000-0000-0000-000000000007"], "read", "view"),
    "cancel": ("POST", ["00000000-0000-0000-0000-000000000007"], "create", "view add"),
    "plans": ("GET", [], "read", "view"),
    "plans POST": ("POST", [], "manage", "view change_plan"),
    "plan_of_backups": ("GET", ["nightly"], "read", "view"),
    "plan_of_backups PATCH": ("PATCH", ["nightly"], "manage", "view change_plan"),
    "plan_of_backups DELETE": ("DELETE", ["nightly"], "manage", "view change_plan"),
    "destinations": ("GET", [], "read", "view"),
    "destinations POST": ("POST", [], "manage", "view change_destination"),
    "destination": ("GET", ["nas"], "manage", "view change_destination"),
    "destination PATCH": ("PATCH", ["nas"], "manage", "view change_destination"),
    "destination DELETE": ("DELETE", ["nas"], "manage", "view change_destination"),
    "test_destination": ("POST", ["nas"], "manage", "view change_destination"),
    "sync": ("POST", [], "create", "view change"),
    "prune": ("POST", [], "manage", "view delete"),
    "status": ("GET", [], "read", "view"),
    "health": ("GET", [], "read", "view"),
    "schema": ("GET", [], "read", "view"),
}
"""Each address and method: what it is asked with, and the scope and the rights that it takes."""


def test_each_address_is_asked_about() -> None:
    asked = {name.split()[0] for name in ASKED}
    # Who has a link needs no token: the link is worth what its maker is.
    assert {each.name for each in described_urls} == asked | {"link"}


@pytest.mark.parametrize("name", ASKED)
def test_attack_22_each_address_takes_its_scope_and_all_its_rights(name: str) -> None:
    method, arguments, scope, rights = ASKED[name]
    Run.objects.create(
        id="00000000-0000-0000-0000-000000000007",
        action="create",
        state="succeeded",
        started="2026-11-20T10:00:00Z",
    )
    path = reverse(f"trustbackup:api:{name.split()[0]}", args=arguments)
    body = {} if method in ("POST", "PATCH") else None

    def ask(scopes: list[str], given: list[str], called: str) -> tuple[int, str]:
        robot(*given, name=called)
        token, _row = make_token(called, called, scopes)
        status, value, _answer = Caller(token).call(method, path, body)
        return status, value.get("code", "") if isinstance(value, dict) else ""

    needed = rights.split()
    status, code = ask([scope], needed, "enough")
    assert status not in (401, 403), code
    assert status < 500
    others = [each for each in SCOPES if each != scope]
    assert ask(others, list(RIGHTS), "scopes") == (403, "scope_missing")
    for right in needed:
        fewer = [each for each in RIGHTS if each != right]
        assert ask(list(SCOPES), fewer, f"without-{right}") == (403, "right_missing")
    assert Caller().call(method, path, body)[0] == 401


def test_attack_23_a_session_needs_the_token_of_the_sites_own_forms() -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(robot(*RIGHTS))
    by = Caller(client=client)
    assert by.get("backups/")["count"] == 1
    assert by.problem("POST", "backups/", {}) == (403, "csrf")
    assert not Run.objects.exists()
    assert Client().get("/login/").status_code == 200
    client.get("/login/")
    form = client.get("/settings/backups/")
    assert form.status_code == 200
    sent = {"X-CSRFToken": client.cookies["csrftoken"].value}
    status, started, answer = by.call("POST", "backups/", {}, **sent)
    assert (status, started["state"]) == (202, "waiting")
    assert answer["Location"] == f"{ROOT}runs/{started['id']}/"


def test_reads_are_noted_once_a_minute_and_what_changes_something_each_time() -> None:
    by = caller()
    with CaptureQueriesContext(connection) as first:
        by.get("runs/")
    with CaptureQueriesContext(connection) as second:
        by.get("runs/")
    writes = [each for each in second.captured_queries if not each["sql"].startswith("SELECT")]
    assert not writes
    assert len(second) < len(first)
    for _time in range(2):
        by.problem("DELETE", "backups/nonsense/")
    targets = AuditEvent.objects.filter(action="API call").values_list("target", flat=True)
    assert sorted(targets) == [
        f"DELETE {ROOT}backups/nonsense/ 404 (tested)",
        f"DELETE {ROOT}backups/nonsense/ 404 (tested)",
        f"GET {ROOT}runs/ 200 (tested)",
    ]


def test_who_asks_too_often_waits(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(Throttle, "rate", "3/day")
    cache.clear()
    by = caller()
    for _time in range(3):
        by.get("runs/")
    status, told, answer = by.call("GET", "runs/")
    assert (status, told["code"]) == (429, "throttled")
    assert int(answer["Retry-After"]) == told["retry_after"] > 0
    cache.clear()
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.nobody.HasIt"}}
    for _time in range(5):
        by.get("runs/")


def test_without_the_extra_the_pages_are_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    def names_there() -> set[str]:
        patterns = runpy.run_path(urls.__file__)["urlpatterns"]
        return {getattr(each, "app_name", None) or each.name for each in patterns}

    there = names_there()
    monkeypatch.setitem(sys.modules, "rest_framework", None)
    assert there - names_there() == {"api", "tokens", "add_token", "revoke_token"}
    client = Client()
    client.force_login(robot(*RIGHTS))
    assert b"Automation" in client.get("/settings/backups/").content
