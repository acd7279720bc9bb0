"""Case T4: a restore and an undo ask for the databases' names and the password, a few times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from trustbackup.models import AuditEvent, Run
from trustbackup.operations.context import Context
from trustbackup.runs import queue
from trustbackup.store.journal_entry import JournalEntry, State, Strategy
from trustbackup.views.confirmation import MOST_TRIES, names_to_type

pytestmark = pytest.mark.django_db

PASSWORD = "a password of a test"
RESTORE = "20260101T000000000000"


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A restore that can be undone; what is started is not carried out."""
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path}
    journal = Context.current().journal
    journal.folder()
    journal.writer(
        JournalEntry(
            id=f"{RESTORE}-default",
            restore=RESTORE,
            alias="default",
            backup="2026-01-01_00-00-00",
            strategy=Strategy.SWAP,
            new="",
            previous="the_old_one",
            started="2026-01-01T00:00:00Z",
            state=State.DONE,
        )
    ).update()
    monkeypatch.setattr(queue, "enqueue", lambda *_arguments: None)


@pytest.fixture
def operator(client: Client) -> Client:
    user = User.objects.create_user("operator", password=PASSWORD, is_staff=True)
    rights = Permission.objects.filter(codename__in=["view_backup", "restore_backup"])
    user.user_permissions.set(rights)
    client.force_login(user)
    return client


def undo(client: Client, **data: str) -> Any:
    return client.post(reverse("trustbackup:undo"), {"restore": RESTORE, **data})


def right() -> dict[str, str]:
    return {"typed": names_to_type(["default"]), "password": PASSWORD}


def test_case_t4_an_undo_is_asked_for_before_it_is_done(operator: Client) -> None:
    page = undo(operator)
    assert page.status_code == 200
    text = page.content.decode()
    assert "the_old_one" in text
    assert escape(names_to_type(["default"])) in text
    assert 'type="password"' in text
    assert not Run.objects.exists()
    assert undo(operator, **right()).status_code == 302
    run = Run.objects.get()
    assert (run.action, run.options["restore"]) == ("undo", RESTORE)


@pytest.mark.parametrize(
    "wrong", [{"typed": "another"}, {"password": "wrong"}, {"typed": ""}, {"password": ""}]
)
def test_case_t4_an_undo_takes_the_right_name_and_the_right_password(
    operator: Client, wrong: dict[str, str]
) -> None:
    assert undo(operator, **{**right(), **wrong}).status_code == 422
    assert not Run.objects.exists()


def test_case_t4_wrong_passwords_are_few_and_told_in_the_audit_trail(operator: Client) -> None:
    for _ in range(MOST_TRIES):
        page = undo(operator, **{**right(), "password": "wrong"})
        assert "This is not your password" in page.content.decode()
    page = undo(operator, **right())
    assert page.status_code == 422
    assert "too many wrong passwords" in page.content.decode()
    assert not Run.objects.exists()
    events = AuditEvent.objects.filter(action="wrong password", actor="operator")
    assert events.count() == MOST_TRIES
    # Another account is not held up by that.
    another = Client()
    user = User.objects.create_user("another", password=PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.all())
    another.force_login(user)
    assert undo(another, **right()).status_code == 302
    # After some minutes the first may try again.
    events.update(at=datetime.now(UTC) - timedelta(hours=1))
    assert undo(operator, **right()).status_code == 302


def test_case_k3_the_names_of_all_databases_are_typed(
    operator: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Context.current().journal
    (entry,) = journal.find(RESTORE)
    called = {"default": "/data/shop.sqlite3", "stock": "stock"}
    databases = {alias: type("Holder", (), {"name": name}) for alias, name in called.items()}
    monkeypatch.setattr(Context, "database", lambda _context, alias: databases[alias])
    second = {**entry.__dict__, "id": f"{RESTORE}-stock", "alias": "stock"}
    journal.writer(JournalEntry(**second)).update()
    page = undo(operator).content.decode()
    assert "shop.sqlite3, stock" in page
    assert undo(operator, typed="shop.sqlite3", password=PASSWORD).status_code == 422
    assert undo(operator, typed="stock", password=PASSWORD).status_code == 422
    assert undo(operator, typed="shop.sqlite3, stock", password=PASSWORD).status_code == 302
    assert Run.objects.get().options["restore"] == RESTORE
