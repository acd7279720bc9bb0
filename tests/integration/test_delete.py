"""Deleting: the last one to rely on stays unless it is asked for; what is used always stays."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from tests.support.index import backup_folder, checked, drilled, note, put
from trustbackup.exceptions import BackupNotFound, Busy
from trustbackup.models import Backup
from trustbackup.operations.backup.delete import delete_backups
from trustbackup.operations.backup.keep import keep_backup
from trustbackup.operations.backup.prune import prune_backups
from trustbackup.operations.backup.rescan import rescan_backups
from trustbackup.operations.offsite.verify import verify_all, verify_backup
from trustbackup.operations.transfer.adopt import adopt_paths
from trustbackup.operations.transfer.bundle import bundle_backups
from trustbackup.store import locks, names, removal
from trustbackup.store.folder import BackupFolder

pytestmark = pytest.mark.django_db
PAGE = "/settings/backups/delete/"


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> BackupFolder:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path / "backups"}
    return backup_folder(tmp_path / "backups")


def here(folder: BackupFolder) -> list[str]:
    return sorted(folder.scan())


def test_the_last_proven_backup_stays_unless_it_is_asked_for(folder: BackupFolder) -> None:
    proven, good, newest = put(folder, 1), put(folder, 2), put(folder, 3)
    note(folder, proven, drilled)
    note(folder, good, checked)
    refused, *gone = delete_backups([proven, good, newest])
    assert "it is the last one of its sort that is proven to restore" in refused.error
    assert "--last-good-too" in refused.error
    assert [item.error for item in gone] == ["", ""]
    (done,) = delete_backups([proven], last_good_too=True)
    assert (done.error, here(folder)) == ("", [])


def test_without_a_proven_one_the_last_good_or_complete_one_stays(folder: BackupFolder) -> None:
    good, newest, other = put(folder, 1), put(folder, 2), put(folder, 3, part="analytics")
    note(folder, good, checked)
    ends = {item.id: item.error for item in delete_backups([good, newest, other])}
    assert "whose check passed" in ends[good]
    assert ends[newest] == ""
    assert "the last complete one of its sort" in ends[other], "it is of another sort"


def test_the_command_says_so_and_its_flag_does_it(
    folder: BackupFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    only = put(folder, 1)
    with pytest.raises(SystemExit):
        call_command("delete_backup", "latest", "--yes")
    assert "the last complete one of its sort" in capsys.readouterr().err
    call_command("delete_backup", "latest", "--yes", "--last-good-too")
    assert f"Backup {only} is deleted." in capsys.readouterr().out
    assert here(folder) == []


@pytest.mark.parametrize("called", ["latest", "id", "manifest", "data", "part of it"])
def test_case_t5_the_page_wants_its_tick_however_the_last_one_is_called(
    operator: Client, folder: BackupFolder, called: str
) -> None:
    only = put(folder, 1)
    reference = {
        "latest": "latest",
        "id": only,
        "manifest": names.manifest_name(only),
        "data": f"backup_{only}.dump.gz",
        "part of it": f"backup_{only}",
    }[called]
    asked = operator.post(PAGE, {"selected": reference, "confirmed": "1"})
    assert asked.status_code == 200
    assert b"Nothing was deleted: tick the box" in asked.content
    assert b'name="protected_too"' in asked.content
    assert here(folder) == [only]
    ticked = {"selected": reference, "confirmed": "1", "protected_too": "1"}
    assert operator.post(PAGE, ticked).status_code == 302
    assert here(folder) == []


def test_the_page_asks_for_each_sort_and_deletes_others_without_a_tick(
    operator: Client, folder: BackupFolder
) -> None:
    old, last, other = put(folder, 1), put(folder, 2), put(folder, 3, part="analytics")
    asked = operator.post(PAGE, {"selected": [old, last, other]})
    assert asked.content.count(b"the last complete one") == 2
    assert operator.post(PAGE, {"selected": old, "confirmed": "1"}).status_code == 302
    assert here(folder) == [last, other]


@pytest.mark.parametrize("state", Backup.State.values)
def test_the_state_filter_knows_every_state(
    operator: Client, folder: BackupFolder, state: str
) -> None:
    rows = [put(folder, number) for number, _state in enumerate(Backup.State.values)]
    operator.get("/settings/backups/")
    for identifier, each in zip(rows, Backup.State.values, strict=True):
        Backup.objects.filter(identifier=identifier).update(state=each)
    page = operator.get("/settings/backups/", {"state": state})
    assert [row.state for row in page.context["backup_files"]] == [state]


# ------------------------------------------------------------------ check, let go, act


@contextlib.contextmanager
def while_a_delete_is_under_way(folder: BackupFolder, identifier: str) -> Iterator[None]:
    """Between a delete's look and its last step."""
    with folder.find(identifier).alone("refused"):
        yield


def test_case_u1_what_is_being_read_is_not_deleted(folder: BackupFolder) -> None:
    read, other = put(folder, 1), put(folder, 2)
    put(folder, 3)
    with folder.find(read).in_use():
        used, free = delete_backups([read, other])
    assert "is using it" in used.error
    assert free.error == ""
    assert delete_backups([read])[0].error == ""


def test_case_u2_what_begins_while_a_delete_is_under_way_finds_it_or_nothing(
    folder: BackupFolder,
) -> None:
    identifier = put(folder, 1)
    reads: list[Any] = [
        lambda: verify_backup(identifier),
        lambda: keep_backup(identifier),
        lambda: bundle_backups([identifier], "zip"),
    ]
    with while_a_delete_is_under_way(folder, identifier):
        for read in reads:
            with pytest.raises(Busy, match="being deleted"):
                read()
        (verdict,) = verify_all()
        assert "being deleted" in verdict.problems[0]
    assert folder.record(identifier).checked is None, "nobody could look at it"
    stale = folder.find(identifier)
    delete_backups([identifier], last_good_too=True)
    with pytest.raises(BackupNotFound, match="was deleted a moment ago"), stale.in_use():
        pass
    for read in reads:
        with pytest.raises(BackupNotFound):
            read()
    assert not list(folder.root.glob("backup_*"))


def test_case_u2_a_delete_holds_the_lock_until_the_last_file_is_gone(
    folder: BackupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier = put(folder, 1)
    stale = folder.find(identifier)
    reached, go_on = threading.Event(), threading.Event()
    finish = removal._finish

    def slowly(*arguments: Any) -> None:
        reached.set()
        assert go_on.wait(10)
        finish(*arguments)

    monkeypatch.setattr(removal, "_finish", slowly)
    with stale.alone("refused"):
        thread = threading.Thread(
            target=removal.remove, args=(folder.root, identifier, list(stale.files))
        )
        thread.start()
        assert reached.wait(10)
        tombstone = folder.root / ".deleted" / names.manifest_name(identifier)
        assert locks.is_locked(locks.backup_lock(tombstone)), "a sweep must leave it alone"
        monkeypatch.undo()
        assert removal.finish_deletes(folder.root) == []
        assert (folder.root / f"backup_{identifier}.dump.gz").exists()
        go_on.set()
        thread.join()
    assert not list(folder.root.rglob("*backup_*"))


@pytest.mark.parametrize("count", [1, 3])
def test_case_u2_what_is_in_a_bundle_stays_until_it_is_sent(
    folder: BackupFolder, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr("trustbackup.operations.transfer.bundle.MOST_HELD", 2)
    monkeypatch.setattr(removal, "BUNDLES_WAIT", 0.1)
    chosen = [put(folder, number, data=b"x" * 700_000) for number in range(count)]
    put(folder, 10)
    for ended in ("whole", "cut"):
        bundle = bundle_backups(chosen, "zip")
        sent = len(next(bundle.blocks))
        assert all("is using it" in end.error for end in delete_backups(chosen))
        if ended == "whole":
            sent += sum(map(len, bundle.blocks))
            assert sent == bundle.length
        else:
            bundle.blocks.close()  # type: ignore[attr-defined]
    assert not any(end.error for end in delete_backups(chosen))


def test_case_u2_a_download_that_began_is_whole(operator: Client, folder: BackupFolder) -> None:
    data = bytes(range(256)) * 8_000
    identifier = put(folder, 1, data=data)
    url = f"/settings/backups/download/backup_{identifier}.dump.gz/"
    answer = operator.get(url)
    delete_backups([identifier], last_good_too=True)
    assert b"".join(answer.streaming_content) == data
    assert operator.get(url).status_code == 404


def test_case_u3_fault_48_a_killed_delete_is_finished_by_the_next_delete_or_prune(
    folder: BackupFolder,
) -> None:
    def killed(number: int) -> str:
        identifier = put(folder, number)
        manifest = names.manifest_name(identifier)
        removal.prepare_root(folder.root)
        (folder.root / manifest).rename(folder.root / ".deleted" / manifest)
        return identifier

    first = killed(1)
    delete_backups(["nosuch"])
    assert not list(folder.root.rglob(f"*{first}*"))
    second = killed(2)
    prune_backups(keep=1)
    assert not list(folder.root.rglob(f"*{second}*"))
    third = killed(3)
    assert delete_backups([third])[0].error == "", "it is gone, which is what was asked for"


def test_case_u1_a_record_whose_backup_is_gone_is_swept_and_named(folder: BackupFolder) -> None:
    kept = put(folder, 1)
    orphan = put(folder, 2)
    note(folder, orphan, checked)
    for path in folder.root.glob(f"backup_{orphan}.[dm]*"):
        path.unlink()
    foreign = folder.root / "backup_mine.record.json"
    foreign.write_text("{}")
    assert rescan_backups().cleaned == (orphan,)
    assert not list(folder.root.glob(f"backup_{orphan}*"))
    assert here(folder) == [kept]
    assert foreign.exists()
    with folder.draft_as(orphan):
        pass


def test_each_action_logs_one_line(
    folder: BackupFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="trustbackup")
    there = backup_folder(tmp_path / "there")
    adopted = put(there, 1)
    actions: list[Any] = [
        lambda: adopt_paths([str(there.root / names.manifest_name(adopted))]),
        lambda: verify_backup(adopted),
        lambda: keep_backup(adopted),
        lambda: keep_backup(adopted, protected=False),
        rescan_backups,
        lambda: delete_backups([adopted], last_good_too=True),
    ]
    for act in actions:
        caplog.clear()
        act()
        (line,) = caplog.messages
        assert adopted in line or "1 backups" in line
