"""SFTP servers that are not OpenSSH, and those that never end."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support import sftp_server
from tests.support.copies import NAME, new_file, read, refused
from tests.support.sftp_server import Habits
from trustbackup.destinations import connection_test
from trustbackup.destinations.sftp.backend import Sftp
from trustbackup.destinations.sftp.config import SftpConfig
from trustbackup.destinations.uploads import upload_name

ANNOUNCED = ("statvfs@openssh.com", "fsync@openssh.com", "limits@openssh.com")


@contextmanager
def destination_with(root: Path, habits: Habits, **changes: Any) -> Iterator[Sftp]:
    with sftp_server.running(root, habits) as server:
        config = SftpConfig(**{**server, **changes})
        with Sftp(config) as destination:
            yield destination


def round_trip(root: Path, folder: Path, **habits: Any) -> Sftp:
    source, sha256 = new_file(folder / "source", 2_000_001)
    with destination_with(root, Habits(**habits)) as destination:
        steps = list(destination.check())
        assert all(step.ok for step in steps), steps
        destination.put(source, sha256)
        assert read(destination) == source.read_bytes()
        assert [item.name for item in destination.list()] == [NAME]
        destination.delete(NAME)
        assert destination.list() == []
        return destination


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "served").mkdir()
    return tmp_path / "served"


def test_case_p1_what_is_only_nice_to_know_is_never_in_the_way(root: Path, tmp_path: Path) -> None:
    round_trip(root, tmp_path, announces=ANNOUNCED)


@pytest.mark.parametrize("announces", ANNOUNCED)
def test_case_p1_each_of_them_alone(root: Path, tmp_path: Path, announces: str) -> None:
    round_trip(root, tmp_path, announces=(announces,))


@pytest.mark.parametrize("appends", [True, False])
def test_case_p2_an_upload_that_was_cut_comes_whole_in_the_same_try(
    root: Path, tmp_path: Path, appends: bool
) -> None:
    source, sha256 = new_file(tmp_path / "source", 2_000_001)
    (root / "copies/.uploads").mkdir(parents=True)
    part = root / "copies/.uploads" / upload_name(NAME, sha256)
    part.write_bytes(source.read_bytes()[:700_000])
    seen: list[int] = []
    with destination_with(root, Habits(appends=appends)) as destination:
        destination.put(source, sha256, seen.append)
        assert read(destination) == source.read_bytes()
    assert (min(seen) > 700_000) is appends, "what was there is gone on with, where that works"
    assert list((root / "copies/.uploads").iterdir()) == []


@pytest.mark.parametrize("one_request", [True, False])
def test_case_p3_a_password_by_keyboard_interactive_alone(
    root: Path, tmp_path: Path, one_request: bool
) -> None:
    round_trip(root, tmp_path, interactive=True, one_request=one_request)
    habits = Habits(interactive=True)
    with (
        destination_with(root, habits, password="wrong") as destination,
        refused("password is wrong", permanent=True),
    ):
        destination.list()


def test_case_p5_rights_that_were_ignored_are_set_after(root: Path, tmp_path: Path) -> None:
    source, sha256 = new_file(tmp_path / "source", 1000)
    with destination_with(root, Habits(mode=0o664)) as destination:
        destination.put(source, sha256)
        assert (root / "copies" / NAME).stat().st_mode & 0o777 == 0o600
        assert [step.detail for step in destination.check() if step.name == "write"] == [""]


def test_case_p5_rights_that_cannot_be_set_are_said(root: Path, tmp_path: Path) -> None:
    source, sha256 = new_file(tmp_path / "source", 1000)
    with destination_with(root, Habits(mode=0o664, keeps_mode=True)) as destination:
        destination.put(source, sha256)
        (said,) = [step.detail for step in destination.check() if step.name == "write"]
    assert "Other users of the server may read" in said


def memory() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_case_s6_a_listing_without_an_end_is_refused(root: Path) -> None:
    (root / "copies").mkdir()
    before = memory()
    with (
        destination_with(root, Habits(endless=True)) as destination,
        refused("more than 200,000 files", permanent=True),
    ):
        destination.list()
    assert memory() - before < 120 << 20, "it is both, server and client, that are measured"


def test_case_s6_an_answer_that_is_longer_than_any_is_refused(root: Path) -> None:
    before = memory()
    with destination_with(root, Habits(huge=True)) as destination:
        steps = list(destination.check())
    assert not steps[-1].ok
    assert memory() - before < 30 << 20


def test_case_s6_a_drip_ends_with_the_test(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_test, "TEST_SECONDS", 3.0)
    began = time.monotonic()
    with destination_with(root, Habits(drips=True), timeout=30) as destination:
        steps = list(destination.check())
    assert not steps[-1].ok
    assert "not over within 3 seconds" in steps[-1].detail
    assert time.monotonic() - began < 120
