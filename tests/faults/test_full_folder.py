"""Rows 1 to 3: the backup folder is full, or its disk fails."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.backups import (
    aftermath,
    assert_refused,
    listed,
    make,
    unchanged,
)
from tests.support.sampling import Sweep
from tests.support.sites import Site
from tests.support.tracing import injected, injecting

PAGE = 4096
MIB = 1 << 20


@pytest.fixture
def full_site(any_site: Site, small_tmpfs: Callable[[int], Path]) -> Site:
    """A site with one good backup, in a backup folder on a small file system of its own."""
    folder = small_tmpfs(2 * MIB)
    site = replace(any_site, variables={"TRUSTBACKUP_ROOT": str(folder / "backups")})
    make(site)
    return site


def root(site: Site) -> Path:
    return Path(site.variables["TRUSTBACKUP_ROOT"])


def fill(site: Site, free_pages: int) -> Path:
    """Leave so many pages in the site's file system."""
    ballast = root(site).parent / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(PAGE))
        except OSError:
            size = file.tell()
        file.truncate(max(0, size - free_pages * PAGE))
    return ballast


def test_fault_01_a_full_folder_is_refused_and_the_earlier_backup_stays_good(
    full_site: Site,
) -> None:
    ballast = fill(full_site, 0)
    with unchanged(root(full_site)):
        result = full_site.manage("create_backup", "--no-compress", check=False)
    assert_refused(result, "No space left on device", str(root(full_site)), "Free some space")
    assert len(listed(full_site)) == 1
    ballast.unlink()
    aftermath(full_site)


@pytest.mark.parametrize("first", [0, 1])
def test_fault_01_whatever_room_is_left_a_backup_is_whole_or_refused(
    sqlite_site: Site, small_tmpfs: Callable[[int], Path], first: int
) -> None:
    # A manifest of several pages can be cut between two of them.
    tables = [f"CREATE TABLE extra_{number} (id integer);" for number in range(200)]
    with contextlib.closing(sqlite3.connect(sqlite_site.sqlite_file)) as connection:
        connection.executescript(f"BEGIN; {' '.join(tables)} COMMIT;")
    folder = small_tmpfs(4 * MIB)
    site = replace(sqlite_site, variables={"TRUSTBACKUP_ROOT": str(folder / "backups")})
    made = 0
    for free_pages in range(first, 12, 2):
        site.variables["SPARE_PAGES"] = str(free_pages)
        result = site.manage("shell", "--no-imports", "-c", FILL_BEFORE_PUBLISHING, check=False)
        (folder / "ballast").unlink(missing_ok=True)
        assert result.stdout.startswith(("made", "refused")), str(result)
        made += result.stdout.startswith("made")
        found = listed(site)
        assert len(found) == made, str(result)
        assert {item["state"] for item in found} <= {"complete"}, str(result)
    assert 0 < made < 6


FILL_BEFORE_PUBLISHING = """
import os
from pathlib import Path
from trustbackup.conf import get_settings
from trustbackup.exceptions import FolderError
from trustbackup.operations.backup.create import create_backup
from trustbackup.store import durable

def report(progress):
    if progress.stage != "publishing":
        return
    ballast = os.open(get_settings().backup_dir.parent / "ballast", os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(ballast, bytes(4096))
    except OSError:
        size = os.lseek(ballast, 0, os.SEEK_CUR)
        os.ftruncate(ballast, size - 4096 * int(os.environ["SPARE_PAGES"]))

try:
    print("made", create_backup(report=report).id)
except FolderError as error:
    print("refused", error)
"""


@pytest.mark.parametrize("file", [".dump.gz", "published", ".manifest.json"])
def test_fault_02_no_space_on_each_call_for_each_file_names_the_operation(
    any_site: Site, strace: str, tmp_path: Path, file: str, sweep: Sweep
) -> None:
    make(any_site)
    verbs = {"openat": "Creating", "write": "Writing", "fsync": "Flushing", "close": "Closing"}
    for call, action in sweep.choose(list(verbs.items()), 2):
        log = tmp_path / call
        prefix = injecting(strace, any_site, log, call, "error=ENOSPC", "1", (file,))
        with unchanged(any_site.backups):
            result = any_site.manage("create_backup", "--json", prefix=prefix, check=False)
        assert len(injected(log)) == 1, log.read_text()
        assert_refused(result, action, file.strip("."), "No space left on device")
        assert result.stdout == ""
    aftermath(any_site)


def test_fault_02_no_space_for_a_name_names_the_operation(
    sqlite_site: Site, strace: str, tmp_path: Path
) -> None:
    make(sqlite_site)
    for calls, file, action in (
        ("rename", ".dump.gz", "Renaming"),
        ("rename", ".manifest.json", "Renaming"),
        ("mkdir", "draft", "Making a private folder"),
    ):
        log = tmp_path / f"{calls}{file}"
        prefix = injecting(strace, sqlite_site, log, calls, "error=ENOSPC", "1", (file,))
        with unchanged(sqlite_site.backups):
            result = sqlite_site.manage("create_backup", prefix=prefix, check=False)
        assert injected(log), log.read_text()
        assert_refused(result, action, "No space left on device")
    aftermath(sqlite_site)


def test_fault_02_no_space_for_the_copy_of_an_sqlite_file_is_refused(
    sqlite_site: Site, strace: str, tmp_path: Path
) -> None:
    make(sqlite_site)
    log = tmp_path / "trace"
    prefix = injecting(
        strace, sqlite_site, log, "pwrite64", "error=ENOSPC", "3+", ("copy.sqlite3",)
    )
    with unchanged(sqlite_site.backups):
        result = sqlite_site.manage("create_backup", prefix=prefix, check=False)
    assert injected(log), log.read_text()
    assert_refused(result, "copy.sqlite3", "No space left on device")
    aftermath(sqlite_site)


def test_fault_02_a_limit_on_the_size_of_files_is_named_and_not_taken_for_a_bad_disk(
    sqlite_site: Site,
) -> None:
    made = make(sqlite_site)
    size = sqlite_site.sqlite_file.stat().st_size
    limited = ("prlimit", f"--fsize={size // 2}")
    with unchanged(sqlite_site.backups):
        result = sqlite_site.manage("create_backup", prefix=limited, check=False)
    assert_refused(result, "copy.sqlite3", "File too large", "ulimit -f")
    command = ("restore_backup", made["id"], "--force", "--no-safety-backup")
    result = sqlite_site.manage(*command, prefix=limited, check=False)
    assert_refused(result, "File too large", "ulimit -f")
    aftermath(sqlite_site)


def test_fault_03_a_failed_flush_is_final_and_nothing_is_listed(
    any_site: Site, strace: str, tmp_path: Path, sweep: Sweep
) -> None:
    make(any_site)
    points = [
        (".dump.gz", 1),
        ("published", 1),
        ("draft", 1),
        ("root", 1),
        (".manifest.json", 1),
        ("root", 2),
    ]
    for file, when in sweep.choose(points, 3):
        log = tmp_path / f"{file}{when}"
        prefix = injecting(strace, any_site, log, "fsync", "error=EIO", str(when), (file,))
        with unchanged(any_site.backups):
            result = any_site.manage("create_backup", "--json", prefix=prefix, check=False)
        failed = injected(log)
        assert len(failed) == 1, log.read_text()
        assert_refused(result, "Flushing", "fsync", "Input/output error", "disk")
        # Never "try fsync again and go on": the kernel may have dropped the pages for good.
        calls = log.read_text().splitlines()
        name = failed[0].split("<", 1)[1].split(">", 1)[0]
        after = calls[calls.index(failed[0]) + 1 :]
        assert not [line for line in after if f"<{name}>" in line], log.read_text()
    aftermath(any_site)
