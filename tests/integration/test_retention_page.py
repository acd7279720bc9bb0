"""What retention would do, on the page: keep or delete for each backup, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.support.index import backup_folder, put
from tests.support.pruning import nightly, plans
from trustbackup.models import Backup
from trustbackup.operations.retention.prune import preview_pruning
from trustbackup.store.folder import BackupFolder

pytestmark = pytest.mark.django_db
PAGE = "/settings/backups/plans/retention/"


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> BackupFolder:
    plans(settings, tmp_path / "backups", last=3)
    return backup_folder(tmp_path / "backups")


def test_the_page_says_for_each_backup_what_a_preview_says_and_deletes_nothing(
    operator: Client, folder: BackupFolder
) -> None:
    by_hand = put(folder, 1)
    made = nightly(folder, 8)
    answer = operator.get(PAGE)
    assert answer.status_code == 200
    (place,) = preview_pruning()
    shown = [each.decision for each in answer.context["page_obj"]]
    assert shown == list(place.judgement.decisions)
    assert (answer.context["going"], answer.context["staying"]) == (3, 6)
    assert answer.context["held"] == 2, "the brake holds what is more than a quarter"
    html = answer.content.decode()
    for text in (
        "No rule keeps it.",
        "No rules of retention are for it.",
        ">delete<",
        ">held back<",
    ):
        assert text in html
    assert html.count(">keep<") == 4
    assert sorted(folder.scan()) == sorted([by_hand, *made])
    of_plan = operator.get(PAGE, {"plan": "nightly"})
    assert by_hand not in of_plan.content.decode()
    assert len(of_plan.context["page_obj"]) == 8
    german = operator.get(PAGE, headers={"Accept-Language": "de"}).content.decode()
    assert "Keine Regel behält sie." in german
    assert ">zurückgehalten<" in german


def test_very_many_are_shown_page_by_page(operator: Client, folder: BackupFolder) -> None:
    nightly(folder, 60)
    first = operator.get(PAGE)
    assert len(first.context["page_obj"]) == 50
    assert 'rel="next"' in first.content.decode()
    for odd in ("2", "99", "x", "-1"):
        answer = operator.get(PAGE, {"page": odd, "plan": "nightly"})
        assert answer.status_code == 200
    assert len(operator.get(PAGE, {"page": "2"}).context["page_obj"]) == 10


def test_without_a_backup_there_is_nothing_to_decide(
    operator: Client, folder: BackupFolder
) -> None:
    assert "There is no backup yet" in operator.get(PAGE).content.decode()
    assert not Backup.objects.exists()
    assert operator.get(PAGE, {"plan": "gone\x00<b>"}).status_code == 200
