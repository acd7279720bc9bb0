"""Setting destinations up over HTTP: by the page's rules, and no secret ever comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.support.api import caller
from trustbackup.models import AccessToken, AuditEvent, Destination
from trustbackup.operations.offsite.targets import open_secrets

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]
SFTP = {"host": "backup.example", "user": "robot", "port": 2222, "folder": "shop"}
SECRET = "a password that nobody else has"
NEW = {"name": "far", "kind": "sftp", "options": SFTP, "secrets": {"password": SECRET}}
FAR = "destinations/far/"


def errors(by: Any, method: str, path: str, body: Any) -> dict[str, Any]:
    """Field by field, what is wrong with what was refused."""
    status, value, answer = by.call(method, path, body)
    assert (status, value["code"]) == (400, "invalid"), answer.content
    found: dict[str, Any] = value["errors"]
    return found


def test_a_destination_is_set_up_changed_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHRASE_OF_A_TEST", "known")
    by = caller()
    status, told, answer = by.call("POST", "destinations/", NEW)
    assert status == 201, answer.content
    assert (status, told["options"], told["secrets"]) == (
        201,
        {**SFTP, "timeout": 30},
        ["password"],
    )
    assert open_secrets(Destination.objects.get())["password"] == SECRET
    status, told, _answer = by.call(
        "PATCH", FAR, {"automatic": False, "options": {"folder": None, "timeout": 9}}
    )
    assert (status, told["automatic"], told["secrets"]) == (200, False, ["password"])
    assert told["options"] == {
        "host": "backup.example",
        "user": "robot",
        "port": 2222,
        "timeout": 9,
    }
    assert by.get(FAR) == told
    told = by.call(
        "PATCH", FAR, {"secrets": {"password": None, "passphrase": "env:PHRASE_OF_A_TEST"}}
    )[1]
    assert told["secrets"] == ["passphrase"]
    assert by.call("DELETE", FAR)[0] == 204
    assert by.problem("GET", FAR) == (404, "not_found")
    events = AuditEvent.objects.filter(target="far").order_by("at")
    assert [(event.action, event.actor) for event in events] == [
        ("add destination", "robot"),
        ("change destination", "robot"),
        ("change destination", "robot"),
        ("delete destination", "robot"),
    ]


def test_what_the_page_refuses_is_refused_in_its_words(tmp_path: Path, settings: Any) -> None:
    by = caller()
    by.call("POST", "destinations/", NEW)
    again = errors(by, "POST", "destinations/", NEW)
    assert again == {"name": ["There is a destination of this name already."]}
    # Another server gets no password of the former one.
    moved = errors(by, "PATCH", FAR, {"options": {"host": "elsewhere.example"}})
    assert moved == {"password": ["This is another server: enter the password for it again."]}
    for name, body in {
        "colour": {"options": {"colour": "red"}},
        "port": {"options": {"port": "22"}},
        "host": {"options": {"host": True}},
        "clear_password": {"options": {"clear_password": True}},
        "password": {"options": {"password": "x"}},
        "token": {"secrets": {"token": "x"}},
        "kind": {"kind": "folder"},
    }.items():
        assert list(errors(by, "PATCH", FAR, body)) == [name], body
    assert list(errors(by, "POST", "destinations/", {**NEW, "kind": "ftp"})) == ["kind"]
    settings.MEDIA_ROOT = tmp_path / "public"
    (tmp_path / "public").mkdir(mode=0o700)
    options = {"path": str(tmp_path / "public" / "copies")}
    local = {"name": "near", "kind": "folder", "options": options}
    assert list(errors(by, "POST", "destinations/", local)) == ["non_field_errors"]
    row = Destination.objects.get()
    assert (row.options["host"], open_secrets(row)["password"]) == ("backup.example", SECRET)


def test_a_destination_is_set_up_by_who_may_and_read_by_nobody_else() -> None:
    by = caller()
    by.call("POST", "destinations/", NEW)
    for scopes, rights, code in (
        (["read", "create", "restore"], ["view", "change_destination"], "scope_missing"),
        (["read", "manage"], ["view", "change", "delete"], "right_missing"),
    ):
        User.objects.all().delete()
        AccessToken.objects.all().delete()
        other = caller(scopes, rights)
        for method, path, body in (
            ("POST", "destinations/", {**NEW, "name": "other"}),
            ("GET", FAR, None),
            ("PATCH", FAR, {"automatic": False}),
            ("DELETE", FAR, None),
        ):
            assert other.problem(method, path, body) == (403, code), method
        assert "backup.example" not in str(other.get("destinations/"))
    assert Destination.objects.get().automatic


def test_secrets_that_no_key_opens_stay_until_others_are_sent(settings: Any) -> None:
    by = caller()
    by.call("POST", "destinations/", NEW)
    sealed = Destination.objects.get().secrets
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "SECRET_KEYS": ["another key " * 5]}
    told = by.get(FAR)
    assert (told["secrets"], bool(told["problem"])) == ([], True)
    assert by.call("PATCH", FAR, {"automatic": False})[0] == 200
    assert Destination.objects.get().secrets == sealed
    assert by.call("PATCH", FAR, {"secrets": {"password": "new"}})[1]["secrets"] == ["password"]
    assert open_secrets(Destination.objects.get())["password"] == "new"
