"""From where a restore may be started: what the setting leaves out refuses it, and offers none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from tests.support.api import Caller, caller
from trustbackup.models import AuditEvent, Run
from trustbackup.operations.backup.create import create_backup
from trustbackup.operations.restore.doors import API, COMMAND, PAGE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("runs_at_once")]


@pytest.fixture
def made(folder: Path, tmp_path: Path, settings: Any) -> str:
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "a.txt").write_text("a")
    return create_backup(kind="media").id


@pytest.fixture
def operator(client: Client) -> Client:
    user = User.objects.create_user("operator", password="a password of a test")
    rights = Permission.objects.filter(codename__in=["view_backup", "restore_backup"])
    user.user_permissions.set(rights)
    client.force_login(user)
    return client


def allow(settings: Any, *doors: str) -> None:
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "RESTORE": doors}


def asked_on_pages(by: Client, backup: str) -> list[Any]:
    address = reverse("trustbackup:restore", args=[backup])
    return [
        by.get(address),
        by.post(address, {"part": "settings"}),
        by.post(address, {}),
        by.post(reverse("trustbackup:undo"), {}),
    ]


def asked_by_programs(by: Caller, backup: str) -> list[tuple[int, str]]:
    answers = [
        by.call("POST", path, {"confirm": "default"})
        for path in (f"backups/{backup}/restore/", "undo/")
    ]
    return [(status, value["code"]) for status, value, _answer in answers]


def asked_by_commands(backup: str) -> list[str]:
    sentences = []
    for command in (["restore_backup", backup, "--force"], ["undo_restore"]):
        with pytest.raises(CommandError) as refused:
            call_command(*command)
        sentences.append(str(refused.value))
    return sentences


def test_the_page_restores_nothing_and_offers_none_where_it_may_not(
    made: str, operator: Client, settings: Any
) -> None:
    address = reverse("trustbackup:restore", args=[made])
    pages = [reverse("trustbackup:manage"), reverse("trustbackup:detail", args=[made])]
    assert address in operator.get(pages[0]).content.decode()
    allow(settings, API, COMMAND)
    for answer in asked_on_pages(operator, made):
        assert answer.status_code == 403
        text = answer.content.decode()
        assert "does not name &#x27;page&#x27;" in text
        assert "(api, command)" in text
    shown = [operator.get(page).content.decode() for page in pages]
    assert all(address not in text for text in shown)
    assert reverse("trustbackup:recovery_sheet") in shown[0]
    assert (403, "restore_closed") not in asked_by_programs(caller(), made)


def test_the_api_restores_nothing_where_it_may_not(
    made: str, operator: Client, settings: Any
) -> None:
    by = caller()
    allow(settings, PAGE)
    assert asked_by_programs(by, made) == [(403, "restore_closed")] * 2
    said = by.call("POST", "undo/", {})[1]["detail"]
    assert said.endswith("does not name 'api'. It has to be done in another way (page).")
    assert AuditEvent.objects.filter(target__startswith="POST", target__contains="403").exists()
    # Who has no right to it is told that, and nothing of the site's settings.
    assert by.client.post(f"{reverse('trustbackup:api:undo')}").status_code == 401
    assert asked_on_pages(operator, made)[0].status_code == 200


def test_the_commands_restore_nothing_where_they_may_not(
    made: str, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    allow(settings)
    for said in asked_by_commands(made):
        assert said.endswith("does not name 'command'. Change that setting first.")
    assert not Run.objects.exclude(action="create").exists()
    call_command("restore_backup", made, "--dry-run")
    assert "media" in capsys.readouterr().out
    allow(settings, COMMAND)
    call_command("restore_backup", made, "--force")
    assert Run.objects.get(action="restore").state == "succeeded"
