"""Large uploads: received in the request, checked and taken over by a run, which can be stopped."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PASSWORD, serving
from tests.support.backups import leftovers, listed, wait_for
from tests.support.index import backup_folder, put
from tests.support.offsite import look
from tests.support.sites import Site
from tests.support.uploads import Visitor
from trustbackup.exceptions import Cancelled, ManifestError, UsageError
from trustbackup.operations.progress import Progress
from trustbackup.operations.transfer import adopt, candidates
from trustbackup.operations.transfer.adopt import adopt_handed_over, adopt_paths, within
from trustbackup.store import drafts, staging
from trustbackup.store.compression import zstd
from trustbackup.store.folder import BackupFolder
from trustbackup.views.backups import upload


@pytest.fixture
def folder(tmp_path: Path, settings: Any, db: None) -> BackupFolder:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path / "backups"}
    return backup_folder(tmp_path / "backups")


def database(size: int) -> bytes:
    """An SQLite database with so many bytes of noise."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE noise (bytes blob)")
        connection.execute("INSERT INTO noise VALUES (?)", [os.urandom(size)])
        return connection.serialize()


def handed_over(folder: BackupFolder, name: str, data: bytes) -> str:
    with staging.begin(folder.root) as area:
        with area.receive(name) as file:
            file.write(data)
        return area.leave_to_run()


def test_case_s3_a_large_upload_is_taken_over_by_a_run(sqlite_site: Site) -> None:
    data = database(upload.LARGEST_AT_ONCE + 1000)
    with serving(sqlite_site) as served:
        visitor = Visitor(served.address)
        visitor.log_in("operator", PASSWORD)
        status, headers, page = visitor.upload(("mine.sqlite3", data))
        assert (status, "/runs/" in headers["Location"]) == (302, True), page
        wait_for(lambda: look(sqlite_site)["runs"][-1] == ["upload", "succeeded"])
        (row,) = listed(sqlite_site)
        assert (row["state"], row["bytes"]) == ("unverified", len(data))
        assert leftovers(sqlite_site.backups) == []
        visitor.upload(("mine.txt", b"no dump" * (upload.LARGEST_AT_ONCE // 7 + 1)))
        wait_for(lambda: look(sqlite_site)["runs"][-1] == ["upload", "failed"])
    assert len(listed(sqlite_site)) == 1
    assert leftovers(sqlite_site.backups) == []


def test_what_was_handed_over_waits_for_its_run_and_not_for_ever(folder: BackupFolder) -> None:
    first = handed_over(folder, "mine.dump", database(100))
    second = handed_over(folder, "mine.dump", database(100))
    assert drafts.sweep(folder.root) == []
    (adopted,) = adopt_handed_over(first)
    assert list(folder.scan()) == [adopted.id]
    with pytest.raises(UsageError, match="not there any more"):
        adopt_handed_over(first)
    index = folder.root / ".drafts" / second / drafts.HANDED_OVER
    hour_ago = time.time() - 3700
    os.utime(index, (hour_ago, hour_ago))
    drafts.sweep(folder.root)
    assert leftovers(folder.root) == []


@pytest.mark.parametrize("name", ["../backups", "upload-x", "", "upload-" + "0" * 32])
def test_only_a_name_that_was_given_is_taken_on(folder: BackupFolder, name: str) -> None:
    put(folder, 1)
    with pytest.raises(UsageError, match="not there any more"):
        adopt_handed_over(name)
    assert len(folder.scan()) == 1


def test_case_s3_a_run_that_is_stopped_or_takes_too_long_leaves_nothing(
    folder: BackupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(progress: Progress) -> None:
        if progress.done:
            raise Cancelled

    with pytest.raises(Cancelled):
        adopt_handed_over(handed_over(folder, "mine.dump", database(3 << 20)), stop)
    assert leftovers(folder.root) == []
    monkeypatch.setattr(adopt, "_LONGEST", -10.0)
    monkeypatch.setattr(adopt, "_SLOWEST", 1e12)
    with pytest.raises(UsageError, match="took longer than"):
        adopt_handed_over(handed_over(folder, "mine.dump", database(3 << 20)))
    assert leftovers(folder.root) == []
    assert folder.scan() == {}


def test_a_reporter_with_a_limit_passes_on_what_it_hears() -> None:
    heard: list[Progress] = []
    within(60, heard.append)(Progress(stage="x"))
    assert heard == [Progress(stage="x")]


def test_case_s3_a_strangers_manifest_does_not_say_how_much_is_read(
    folder: BackupFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "ALLOWANCE", 1 << 20)
    bomb = zstd.compress(bytes(64 << 20))
    for secret in ("a stranger's key", ""):
        there = backup_folder(tmp_path / f"there {bool(secret)}", secret)
        put(there, 1, data=bomb, raw_bytes=64 << 20)
        (manifest,) = there.root.glob("*.manifest.json")
        if secret:
            with pytest.raises(ManifestError, match="unpacks to more than"):
                adopt_paths([str(manifest)])
        else:
            assert adopt_paths([str(manifest)])[0].new
