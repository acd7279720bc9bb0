"""Locks: who has one, who waits, and what the death of a holder or of a file means."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from trustbackup.exceptions import FolderError
from trustbackup.store import locks
from trustbackup.store.locks import Lock, Locked, Vanished

HOLD = """
import sys, time
from pathlib import Path
from trustbackup.store.locks import Lock, exclusive
with exclusive(Lock(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def lock(tmp_path: Path) -> Lock:
    (tmp_path / "file").touch()
    return Lock(tmp_path / "file")


def test_who_shares_a_lock_keeps_out_who_wants_it_alone(lock: Lock) -> None:
    with locks.shared(lock), locks.shared(lock):
        assert not locks.is_locked(lock), "it is not held alone"
        with pytest.raises(Locked), locks.exclusive(lock):
            pass
    with locks.exclusive(lock):
        assert locks.is_locked(lock)
        with pytest.raises(Locked), locks.shared(lock):
            pass
    assert not locks.is_locked(lock)


def test_the_death_of_its_holder_frees_a_lock(lock: Lock) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, lock.path], stdout=subprocess.PIPE) as held:
        try:
            assert held.stdout
            assert held.stdout.readline() == b"held\n"
            assert locks.is_locked(lock)
        finally:
            held.kill()
    with locks.exclusive(lock):
        pass


def test_a_look_at_a_lock_refuses_it_to_nobody(lock: Lock) -> None:
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            locks.is_locked(lock)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for _time in range(200):
            with locks.exclusive(lock, wait=5):
                pass
    finally:
        stop.set()
        thread.join()
    with lock.path.open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        threading.Timer(0.02, file.close).start()
        with locks.exclusive(lock):
            pass


@pytest.mark.parametrize("renamed", [True, False])
def test_a_lock_of_a_file_that_went_meanwhile_is_none(lock: Lock, renamed: bool) -> None:
    waiting = threading.Event()
    ended: list[str] = []

    def wait() -> None:
        waiting.set()
        try:
            with locks.exclusive(lock, wait=locks.FOREVER):
                ended.append("held")
        except Vanished:
            ended.append("vanished")

    thread = threading.Thread(target=wait)
    with locks.exclusive(lock):
        thread.start()
        assert waiting.wait(5)
        time.sleep(0.1)
        if renamed:
            lock.path.rename(lock.path.with_name("tombstone"))
        else:
            lock.path.unlink()
    thread.join(10)
    assert ended == ["vanished"]


def test_a_file_that_is_only_a_lock_is_made_anew_for_who_waits(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "writer.alive", made=True)
    ended: list[bool] = []

    def wait() -> None:
        with locks.exclusive(lock, wait=locks.FOREVER):
            ended.append(lock.path.exists())

    thread = threading.Thread(target=wait)
    with locks.exclusive(lock):
        thread.start()
        time.sleep(0.1)
        lock.path.unlink()
    thread.join(10)
    assert ended == [True]
    assert lock.path.stat().st_mode & 0o777 == 0o600


def test_what_is_not_there_is_neither_locked_nor_made(tmp_path: Path) -> None:
    lock = locks.restore_lock(tmp_path, "default")
    assert not locks.is_locked(lock)
    with pytest.raises(Vanished), locks.shared(Lock(tmp_path / "backup")):
        pass
    assert list(tmp_path.iterdir()) == []


def test_case_s5_a_fifo_or_a_link_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    for name in ("fifo", "link"):
        for made in (True, False):
            with (
                pytest.raises(FolderError, match=name),
                locks.exclusive(Lock(tmp_path / name, made=made)),
            ):
                pass
    assert not (tmp_path / "target").exists()


def test_a_file_system_without_locks_is_a_sentence(
    lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(FolderError, match="Locking failed on"), locks.exclusive(lock):
        pass


def test_aliases_that_differ_have_locks_that_differ(tmp_path: Path) -> None:
    paths = {locks.restore_lock(tmp_path, alias).path for alias in ("a/b", "a_b", "a.b", "../a")}
    assert len(paths) == 4
    assert {path.parent for path in paths} == {tmp_path / ".restores"}
    assert locks.run_lock(tmp_path, "a") != locks.restore_lock(tmp_path, "a")
