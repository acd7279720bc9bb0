"""Tokens on the page: made, shown once, listed, revoked; by whom, and for whom."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils.html import escape

from tests.support.api import RIGHTS, Caller, robot
from trustbackup.models import AccessToken, AuditEvent
from trustbackup.operations.access_tokens import is_well_formed, make_token

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]

PAGES = "/settings/backups/"
PASSWORD = "a password of a test"
ASKED = {"name": "deploy", "scopes": ["read", "create"], "days": "90", "networks": ""}


def browser(*rights: str, name: str = "robot") -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(robot(*rights, name=name))
    return client


def make(client: Client, **changes: Any) -> Any:
    return client.post(f"{PAGES}tokens/add/", {**ASKED, "password": PASSWORD, **changes})


@pytest.mark.django_db(transaction=True)
def test_a_token_is_made_on_the_page_shown_once_and_revoked() -> None:
    client = browser(*RIGHTS)
    answer = make(client, networks="127.0.0.0/8\n::1")
    token = answer.context["token"]
    assert answer.status_code == 200
    assert is_well_formed(token)
    assert answer.content.count(token.encode()) == 1
    assert "no-store" in answer["Cache-Control"]
    row = AccessToken.objects.get()
    assert (row.account, row.scopes) == ("robot", ["read", "create"])
    assert row.networks == ["127.0.0.0/8", "::1/128"]
    assert 89 <= (row.expires - row.created).days <= 90  # type: ignore[operator]
    by = Caller(token)
    assert by.get("backups/")["count"] == 0
    assert by.problem("DELETE", "backups/x/") == (403, "scope_missing")
    listed = client.get(f"{PAGES}tokens/").content.decode()
    assert "deploy" in listed
    assert token not in listed
    where = f"{PAGES}token/deploy/revoke/"
    asked = client.post(where)
    assert asked.status_code == 200
    assert by.get("backups/")["count"] == 0, "asking revokes nothing"
    assert client.post(where, {"confirmed": "1"}).status_code == 302
    assert by.problem("GET", "backups/") == (401, "token_revoked")
    trail = AuditEvent.objects.filter(actor="robot", target="deploy")
    assert sorted(trail.values_list("action", flat=True)) == ["make token", "revoke token"]


def test_attack_24_a_session_in_other_hands_makes_no_token() -> None:
    client = browser(*RIGHTS)
    for wrong in ("", "a wrong one"):
        assert make(client, password=wrong).status_code == 422
    for _time in range(5):
        make(client, password="a wrong one")
    told = make(client)
    assert told.status_code == 422
    assert "too many wrong passwords" in told.content.decode()
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"name": "a b"}, "valid “slug”"),
        ({"name": ""}, "This field is required"),
        ({"name": "x" * 51}, "at most 50 characters"),
        ({"name": "taken"}, "There is a token 'taken' already"),
        ({"scopes": []}, "This field is required"),
        ({"scopes": ["everything"]}, "everything is not one of the available choices"),
        ({"days": "7000"}, "7000 is not one of the available choices"),
        ({"networks": "10.0.0.1/8"}, "'10.0.0.1/8' is no network"),
    ],
)
def test_a_token_that_can_not_be_made_says_why(changes: dict[str, Any], named: str) -> None:
    client = browser(*RIGHTS)
    make_token("taken", "robot", ["read"])
    told = make(client, **changes)
    assert told.status_code == 422
    assert escape(named) in told.content.decode() or named in told.content.decode()
    assert AccessToken.objects.count() == 1


def test_each_sees_and_revokes_their_own_and_who_may_everybodys() -> None:
    mine, other = browser(*RIGHTS), browser(*RIGHTS, name="other")
    make(mine)
    revoke = f"{PAGES}token/deploy/revoke/"
    assert not other.get(f"{PAGES}tokens/").context["tokens"]
    assert other.post(revoke, {"confirmed": "1"}).status_code == 404
    assert AccessToken.objects.get().revoked is None
    user = User.objects.get(username="other")
    user.user_permissions.add(Permission.objects.get(codename="view_accesstoken"))
    shown = other.get(f"{PAGES}tokens/")
    assert [token.name for token in shown.context["tokens"]] == ["deploy"]
    assert revoke not in shown.content.decode()
    assert other.post(revoke, {"confirmed": "1"}).status_code == 404
    user.user_permissions.add(Permission.objects.get(codename="delete_accesstoken"))
    assert revoke in other.get(f"{PAGES}tokens/").content.decode()
    assert other.post(revoke, {"confirmed": "1"}).status_code == 302
    assert AccessToken.objects.get().revoked is not None


def test_no_scope_is_offered_that_would_be_worth_nothing(settings: Any) -> None:
    def offered(client: Client) -> list[str]:
        form = client.get(f"{PAGES}tokens/add/").context["form"]
        return [scope for scope, _label in form.fields["scopes"].choices]

    assert offered(browser("view")) == ["read"]
    assert offered(browser("view", "download", name="b")) == ["read", "download"]
    everything = browser(*RIGHTS, name="c")
    assert offered(everything) == ["read", "create", "download", "restore", "manage"]
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "RESTORE": ["page", "command"]}
    assert offered(everything) == ["read", "create", "download", "manage"]
    assert make(everything, scopes=["restore"]).status_code == 422
    assert Client().get(f"{PAGES}tokens/").status_code == 302
    assert browser(name="d").get(f"{PAGES}tokens/").status_code == 403
