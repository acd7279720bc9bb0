"""Changing one backup over the API: who comes second is told so; the last good one is asked for."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from tests.support.api import caller
from trustbackup.exceptions import ChangedMeanwhile
from trustbackup.models import AuditEvent, Backup
from trustbackup.operations.backup.create import create_backup
from trustbackup.operations.backup.keep import change_backup, version_of
from trustbackup.operations.context import Context
from trustbackup.store import catalog, record

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("runs_at_once")]


@pytest.fixture
def made(folder: Path, tmp_path: Path, settings: Any) -> str:
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "a.txt").write_text("a")
    return create_backup(kind="media", name="nightly").id


def test_a_backup_is_called_something_else_which_its_record_remembers(made: str) -> None:
    by = caller()
    where = f"backups/{made}/"
    status, told, _answer = by.call("PATCH", where, {"label": " before the sale "})
    assert (status, told["name"], told["label"]) == (200, "before the sale", "before the sale")
    assert [each["id"] for each in by.get("backups/?text=sale")["results"]] == [made]
    catalog.synchronise(Context.current().folder, afresh=True)
    assert by.get(where)["name"] == "before the sale"
    told = by.call("PATCH", where, {"label": "", "protected": True})[1]
    assert (told["name"], told["label"], told["protected"]) == ("nightly", "", True)
    for body in ({"label": "a\nb"}, {"label": "x" * 201}, {"label": 1.5, "protected": "may"}):
        assert by.problem("PATCH", where, body)[0] in (400, 409), body
    assert by.call("PATCH", where, {})[0] == 200
    assert by.get(where)["label"] == ""
    trail = list(AuditEvent.objects.exclude(action="API call").values_list("action", flat=True))
    assert sorted(trail) == ["keep", "label", "label"]


def test_a_copy_brings_what_a_backup_was_last_called(made: str) -> None:
    folder = Context.current().folder
    change_backup(made, label="first")
    theirs = folder.record(made)
    change_backup(made, label="second")
    mine = folder.record(made)
    assert record.merge(mine, theirs).label == record.merge(theirs, mine).label == "second"
    assert record.merge(record.Record(), theirs).label == "first"


def test_of_two_who_know_the_same_version_one_is_told_that_it_was_changed(made: str) -> None:
    folder = Context.current().folder
    for number in range(10):
        known = version_of(folder.find(made))
        begin, ended = threading.Barrier(2), []

        def change(
            label: str,
            known: str = known,
            begin: threading.Barrier = begin,
            ended: list[str] = ended,
        ) -> None:
            begin.wait()
            try:
                change_backup(made, label=label, expected=[known])
                ended.append(label)
            except ChangedMeanwhile:
                ended.append("")

        both = [threading.Thread(target=change, args=[f"{who} {number}"]) for who in "ab"]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        assert sorted(map(bool, ended)) == [False, True], ended
        assert folder.record(made).label == max(ended)


def test_who_sends_another_version_changes_nothing(made: str) -> None:
    by = caller()
    where = f"backups/{made}/"
    tag = by.call("GET", where)[2]["ETag"]
    for stale in ('"another"', f"W/{tag}", "nonsense", ""):
        found = by.problem("PATCH", where, {"label": "x"}, **{"If-Match": stale})
        assert found == (412, "changed_meanwhile"), stale
    status, told, answer = by.call(
        "PATCH", where, {"label": "y"}, **{"If-Match": f'"another", {tag}'}
    )
    assert (status, told["name"]) == (200, "y")
    assert by.problem("PATCH", where, {"label": "z"}, **{"If-Match": tag})[0] == 412
    assert by.call("PATCH", where, {"label": "z"}, **{"If-Match": answer["ETag"]})[0] == 200
    assert by.call("PATCH", where, {"label": "w"}, **{"If-Match": "*"})[0] == 200


def test_the_last_good_one_goes_only_where_that_is_asked_for(made: str) -> None:
    by = caller()
    where = f"backups/{made}/"
    status, _code = by.problem("DELETE", where)
    assert status == 409
    assert by.problem("DELETE", f"{where}?last_good_too=perhaps") == (400, "invalid")
    assert by.call("PATCH", where, {"protected": True})[0] == 200
    assert by.problem("DELETE", f"{where}?last_good_too=true")[0] == 409
    assert by.call("PATCH", where, {"protected": False})[0] == 200
    assert by.call("DELETE", f"{where}?last_good_too=true")[0] == 204
    assert by.problem("GET", where) == (404, "not_found")
    assert by.problem("DELETE", where) == (404, "not_found")


def test_a_backup_is_called_otherwise_on_its_page_too(operator: Client, made: str) -> None:
    page = f"/settings/backups/backup/{made}/"
    assert f'action="{page}label/"' in operator.get(page).content.decode()
    assert operator.post(f"{page}label/", {"label": "before the sale"}).url == page
    assert "before the sale" in operator.get(page).content.decode()
    told = operator.post(f"{page}label/", {"label": "a\nb"}, follow=True)
    assert "control character" in told.content.decode()
    assert operator.post(f"{page}label/", {}).status_code == 302
    assert Backup.objects.get().name == "nightly"
    events = AuditEvent.objects.filter(action="label", target=made)
    assert events.count() == 2
    assert operator.post("/settings/backups/backup/none/label/").status_code == 404


def test_a_backup_is_called_otherwise_by_a_command(made: str) -> None:
    said = io.StringIO()
    call_command("label_backup", made, "before the sale", stdout=said)
    assert said.getvalue() == f"Backup {made} is called before the sale.\n"
    catalog.synchronise(Context.current().folder, afresh=True)
    assert Backup.objects.get().name == "before the sale"
    said = io.StringIO()
    call_command("label_backup", made, json=True, stdout=said)
    assert json.loads(said.getvalue()) == {"id": made, "label": ""}
