"""Syncing, pruning and testing destinations over HTTP."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support import pruning
from tests.support.api import caller
from trustbackup.models import AuditEvent, Copy, Destination, Run
from trustbackup.operations.backup.create import create_backup
from trustbackup.operations.context import Context

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("runs_at_once")]

DONE = "?wait=30"


@pytest.fixture(autouse=True)
def uploaded(folder: Path, tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "a.txt").write_text("a")


@pytest.fixture
def nas(tmp_path: Path) -> Path:
    """A destination that nothing is copied to by itself."""
    place = tmp_path / "nas"
    place.mkdir(mode=0o700)
    Destination.objects.create(
        name="nas", kind="folder", options={"path": str(place)}, automatic=False
    )
    return place


def in_the_way(place: Path) -> None:
    """A file, where the folder was."""
    shutil.rmtree(place)
    place.write_text("")


def test_a_sync_brings_a_destination_what_it_lacks_and_fetches_what_is_missing_here(
    nas: Path, folder: Path
) -> None:
    by = caller()
    made = create_backup(kind="media", incremental=True).id
    status, run, _answer = by.call("POST", f"sync/{DONE}", {"destinations": ["nas"]})
    assert (status, run["action"], run["target"]) == (200, "sync", "nas")
    assert run["state"] == "succeeded", run
    assert Copy.objects.get(identifier=made).destination.name == "nas"
    for path in folder.glob(f"backup_{made}.*"):
        path.unlink()
    assert by.call("POST", f"sync/{DONE}", {})[0] == 200
    assert by.problem("GET", f"backups/{made}/") == (404, "not_found")
    status, run, _answer = by.call("POST", f"sync/{DONE}", {"pull": True})
    assert (status, run["state"]) == (200, "succeeded")
    assert by.get(f"backups/{made}/")["state"] == "complete"
    assert AuditEvent.objects.filter(action="sync", target="nas").count() == 3


def test_a_sync_goes_to_what_is_set_up_and_nowhere_else(tmp_path: Path) -> None:
    by = caller()
    assert by.problem("POST", "sync/", {}) == (409, "refused")
    for name in (f"file://{tmp_path}", "sftp://example.com/x", "nothing", "a\u0000b"):
        status, _code = by.problem("POST", "sync/", {"destinations": [name]})
        assert status in (400, 404), name
    assert by.problem("POST", "sync/", {"destinations": "nas"}) == (400, "invalid")
    assert not Run.objects.exists()


def test_a_destination_that_is_gone_makes_a_sync_partial(nas: Path) -> None:
    by = caller()
    create_backup(kind="media")
    in_the_way(nas)
    status, run, _answer = by.call("POST", f"sync/{DONE}", {})
    assert (status, run["state"]) == (200, "partial")
    assert str(nas) in run["error"]


def test_a_destination_is_tested(nas: Path) -> None:
    by = caller()
    status, run, _answer = by.call("POST", f"destinations/nas/test/{DONE}")
    assert (status, run["action"], run["state"]) == (200, "test destination", "succeeded")
    in_the_way(nas)
    assert by.problem("POST", f"destinations/nas/test/{DONE}") == (409, "run_failed")
    assert by.problem("POST", f"destinations/other/test/{DONE}") == (404, "not_found")


def fates(told: tuple[int, Any, Any]) -> dict[str, str]:
    """Id → keep or delete, as a preview of the backup folder alone has it."""
    status, value, _answer = told
    [here] = value["places"]
    assert (status, here["place"], here["problem"]) == (200, "", "")
    return {each["id"]: each["decision"] for each in here["backups"]}


def test_a_pruning_is_shown_and_then_done(folder: Path, settings: Any) -> None:
    folder.mkdir(parents=True, mode=0o700)
    pruning.plans(settings, folder, last=3)
    made = set(pruning.nightly(Context.current().folder, 20))
    by = caller()
    all_of_them, some = (
        by.call("POST", "prune/", {"dry_run": True, "confirmed": confirmed})
        for confirmed in (True, False)
    )
    going, at_once = map(fates, (all_of_them, some))
    assert going.keys() == at_once.keys() == made == set(Context.current().folder.scan())
    # More than a quarter of them at once is not what somebody says in passing.
    assert [list(each.values()).count("delete") for each in (going, at_once)] == [17, 5]
    assert not Run.objects.exists()
    for confirmed, fate in ((False, at_once), (True, going)):
        status, run, _answer = by.call("POST", f"prune/{DONE}", {"confirmed": confirmed})
        assert (status, run["action"], run["state"]) == (200, "prune", "succeeded")
        there = set(Context.current().folder.scan())
        assert there == {name for name in made if fate[name] == "keep"}
    assert by.problem("POST", "prune/", {"dry_run": "maybe"}) == (400, "invalid")
    asked = {"dry_run": True}
    assert by.problem("POST", "prune/?wait=soon", asked) == (400, "invalid")
    odd = {"Idempotency-Key": "a b"}
    assert by.problem("POST", "prune/", asked, **odd) == (400, "invalid")
