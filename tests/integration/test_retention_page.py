"""What retention would do, on the page: keep or delete for each backup, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.support.index import backup_folder, put
from tests.support.pruning import BEGIN, nas, nightly, plans
from trustbackup.models import Backup, Copy, Destination
from trustbackup.operations.backup.delete import delete_backups
from trustbackup.operations.offsite.evict import evict
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


@pytest.mark.django_db(transaction=True)
def test_a_destinations_copies_are_judged_by_its_own_rules_without_a_look_there(
    operator: Client, folder: BackupFolder, settings: Any, tmp_path: Path
) -> None:
    plans(settings, folder.root, last=2, nas={"last": 4})
    place = nas(tmp_path / "nas")
    made = nightly(folder, 6)
    place.copy(made)
    _here, there = preview_pruning()
    delete_backups(made[:1])
    # Nobody is asked: what is known of the copies is enough.
    place.path.rename(tmp_path / "unplugged")
    answer = operator.get(PAGE, {"place": "nas"})
    shown = [each.decision for each in answer.context["page_obj"]]
    assert shown == list(there.judgement.decisions)
    assert (answer.context["going"], answer.context["staying"]) == (2, 4)
    html = answer.content.decode()
    assert "All copies at nas, were retention to run now." in html
    assert (made[0] in html, f"{made[0]}/" in html) == (True, False), "it is there alone"
    assert f"{made[1]}/" in html
    first = operator.get(PAGE)
    assert [each.decision for each in first.context["page_obj"]] != shown
    assert '?place=nas"' in first.content.decode()
    of_plan = operator.get(PAGE, {"place": "nas", "plan": "nightly"})
    assert len(of_plan.context["page_obj"]) == 6
    assert len(operator.get(PAGE, {"place": "nas", "plan": "x"}).context["page_obj"]) == 0


@pytest.mark.django_db(transaction=True)
def test_what_is_used_offloaded_or_found_bad_there_is_judged_so(
    operator: Client, folder: BackupFolder, settings: Any, tmp_path: Path
) -> None:
    plans(settings, folder.root, last=1)
    place = nas(tmp_path / "nas")
    made = nightly(folder, 6)
    place.copy(made[:5])
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "KEEP_LOCAL": 4}
    assert set(evict()) == set(made[:2])
    preview_pruning()
    Copy.objects.filter(identifier=made[2]).update(state="failed")
    Copy.objects.filter(identifier=made[3]).update(state="uploading")
    Copy.objects.create(identifier=made[5], destination=place.row, state="deleting", changed=BEGIN)
    answer = operator.get(PAGE, {"place": "nas"})
    assert {each.id: str(each.decision.reasons[0]) for each in answer.context["page_obj"]} == {
        made[0]: "only data",
        made[1]: "only data",
        made[2]: "bad",
        made[3]: "in use",
        made[4]: "last",
    }


def test_an_unknown_place_is_none(operator: Client, folder: BackupFolder, tmp_path: Path) -> None:
    nas(tmp_path / "nas")
    empty = operator.get(PAGE, {"place": "nas"})
    assert "There is no copy here yet." in empty.content.decode()
    # Its settings are gone: a row that a rescan found copies by.
    Destination.objects.create(name="unset", kind="folder", options={})
    assert empty.context["places"] == operator.get(PAGE).context["places"] == ["nas"]
    for odd in ("gone", "nas\x00", "<b>", "unset"):
        assert operator.get(PAGE, {"place": odd}).status_code == 404


def test_without_a_backup_there_is_nothing_to_decide(
    operator: Client, folder: BackupFolder
) -> None:
    assert "There is no backup yet" in operator.get(PAGE).content.decode()
    assert not Backup.objects.exists()
    assert operator.get(PAGE, {"plan": "gone\x00<b>"}).status_code == 200
