from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import ports
from tests.support.ports import RANGE, free_port


@pytest.fixture(autouse=True)
def run_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "run_folder", lambda: tmp_path)


def test_each_is_given_once_and_none_that_the_system_gives_away() -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _number: free_port(), range(200)))
    assert len(set(found)) == 200
    assert max(found) < int(RANGE.read_text().split()[0])


def test_one_that_is_taken_is_left_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as listener:
        taken = listener.getsockname()[1]
        (tmp_path / "ports").write_text(str(taken - 1))
        assert free_port() != taken


def test_where_the_system_gives_away_all_one_of_those_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "range").write_text("1024\t65535\n")
    monkeypatch.setattr(ports, "RANGE", tmp_path / "range")
    assert free_port() > 1023
    assert not (tmp_path / "ports").exists()
