"""What SQLite itself makes of a NAME is what we make of it."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from trustbackup.store.sqlite_name import file_of

IN_MEMORY = [
    ":memory:",
    "file::memory:",
    "file::memory:?cache=shared",
    "file:%3Amemory%3A",
    "file:shared?mode=memory&cache=shared",
    "file:shared?cache=shared&mode=memory",
    "file:/shop?vfs=memdb",
    "file:",
]
IN_A_FILE = [
    "shop.sqlite3",
    "memory.sqlite3",
    "in memory/shop.sqlite3",
    "mode=memory/shop.sqlite3",
    "a:memory:b.sqlite3",
    "file:plain.sqlite3",
    "file:with%20space%3F.sqlite3?cache=private#mode=memory",
    "file:{folder}/mode=memory.sqlite3",
    "file://{folder}/three.sqlite3",
    "file://localhost{folder}/local.sqlite3?mode=rwc",
]


def opened(name: str) -> str:
    """The file that SQLite opens; "" when it is none."""
    with contextlib.closing(sqlite3.connect(name, uri=True)) as connection:
        connection.execute("CREATE TABLE t (n)")
        (row,) = connection.execute("PRAGMA database_list").fetchall()
    return str(row[2])


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("in memory", "mode=memory"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", IN_MEMORY)
def test_what_sqlite_keeps_in_memory_is_in_memory(name: str, tmp_path: Path) -> None:
    assert not Path(opened(name)).is_file()
    assert file_of(name) is None
    assert list(tmp_path.iterdir()) == [tmp_path / "in memory", tmp_path / "mode=memory"]


@pytest.mark.parametrize("name", IN_A_FILE)
def test_what_sqlite_writes_to_a_file_is_that_file(name: str, tmp_path: Path) -> None:
    name = name.format(folder=tmp_path)
    file = file_of(name)
    assert file is not None
    assert Path(opened(name)).samefile(file)
    assert file_of(Path(str(file))) == file
