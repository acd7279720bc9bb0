"""Which tests a run takes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.selection import cut, dealt

CHECKOUT = Path(__file__).resolve().parents[2]

TESTS = """
import pytest

@pytest.fixture(scope="session")
def postgres_cluster():
    return "a server"

@pytest.fixture
def cluster_by_name(request):
    return request.getfixturevalue("postgres_cluster")

def test_server_by_name_again(cluster_by_name):
    pass

@pytest.mark.field
def test_field():
    pass

@pytest.mark.field
def test_field_with_server(postgres_cluster):
    pass

def test_server(postgres_cluster):
    pass

def test_server_by_name(cluster_by_name):
    pass

@pytest.fixture
def sqlite_site():
    return "a site"

def test_site(sqlite_site):
    pass

def test_plain():
    pass
"""


@pytest.mark.parametrize(
    ("options", "taken"),
    [
        ([], ["plain", "server", "server_by_name", "server_by_name_again", "site"]),
        (["--in-process"], ["plain"]),
        (["--field"], ["field", "field_with_server"]),
        (["--field", "--in-process"], ["field"]),
    ],
)
def test_a_run_takes_field_tests_only_where_it_asks_for_them(
    tmp_path: Path, options: list[str], taken: list[str]
) -> None:
    (tmp_path / "test_them.py").write_text(TESTS)
    done = run(tmp_path, "-v", *options)
    passed = [line for line in done.splitlines() if " PASSED" in line]
    assert sorted(line.partition("::test_")[2].split()[0] for line in passed) == taken, done


ENGINES = """
import pytest

@pytest.fixture(params=["sqlite", "mariadb"])
def any_site(request):
    return request.param

@pytest.mark.three_engines
def test_marked(any_site):
    pass

def test_other(any_site):
    pass
"""
THOROUGH = """
def pytest_addoption(parser):
    parser.addoption("--thorough", action="store_true")
"""


@pytest.mark.parametrize(
    ("options", "taken"),
    [
        ([], ["marked[mariadb]", "marked[sqlite]", "other[sqlite]"]),
        (
            ["--thorough"],
            ["marked[mariadb]", "marked[sqlite]", "other[mariadb]", "other[sqlite]"],
        ),
    ],
)
def test_a_third_engine_is_tried_by_marked_tests_and_by_thorough_runs(
    tmp_path: Path, options: list[str], taken: list[str]
) -> None:
    (tmp_path / "conftest.py").write_text(THOROUGH)
    (tmp_path / "test_them.py").write_text(ENGINES)
    done = run(tmp_path, "-v", *options)
    passed = [line for line in done.splitlines() if " PASSED" in line]
    assert sorted(line.partition("::test_")[2].split()[0] for line in passed) == taken, done


def run(folder: Path, *options: str) -> str:
    """Run the tests in a folder with our selection; what was said. Raises unless all passed."""
    (folder / "pytest.ini").write_text(
        "[pytest]\nmarkers =\n    field: of the field\n    three_engines: on the third one, too\n"
    )
    command = ["-m", "pytest", "-p", "tests.support.selection", "-p", "no:cacheprovider"]
    ended = subprocess.run(
        [sys.executable, *command, "-p", "no:django", *options, str(folder)],
        cwd=CHECKOUT,
        env={key: text for key, text in os.environ.items() if not key.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


ORDER = """
import os, pathlib, pytest

@pytest.fixture
def sweep():
    return None

@pytest.fixture
def sqlite_site():
    return None

def told(number):
    with pathlib.Path(__file__).with_name(os.environ["PYTEST_XDIST_WORKER"]).open("a") as file:
        print(number, file=file)

@pytest.mark.parametrize("number", range(20))
def test_short(number):
    told(2)

@pytest.mark.parametrize("number", range(5))
def test_long(number, sqlite_site):
    told(1)

@pytest.mark.parametrize("number", range(4))
def test_longest(number, sweep):
    told(0)
"""


def test_each_worker_begins_with_what_takes_longest(tmp_path: Path) -> None:
    (tmp_path / "test_them.py").write_text(ORDER)
    run(tmp_path, "-n", "2", "--dist", "worksteal")
    done = [path.read_text().split() for path in tmp_path.glob("gw*")]
    assert sorted(word for words in done for word in words) == [*"0" * 4, *"1" * 5, *"2" * 20]
    for words in done:
        assert (words[:2], words) == (["0", "0"], sorted(words))


@pytest.mark.parametrize("workers", [2, 3, 4, 7])
@pytest.mark.parametrize("counts", [(), (1,), (0, 1, 2), (5, 3, 0), (2, 2, 3), (90, 700, 1500)])
def test_every_part_has_of_each_rank_its_share_and_the_lowest_first(
    counts: Sequence[int], workers: int
) -> None:
    ranked = [(rank, (rank, n)) for rank, count in enumerate(counts) for n in range(count)]
    order = dealt(ranked[::-1], workers)
    assert sorted(order) == [item for _rank, item in ranked]
    if min(counts, default=0) < workers:
        return
    for size in cut(len(order), workers):
        part, order = [rank for rank, _number in order[:size]], order[size:]
        assert part == sorted(part)
        for rank, count in enumerate(counts):
            assert abs(part.count(rank) - count / workers) <= len(counts)
