"""The page of faults and attacks knows every number of a test, and leads to tests."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.support.sites import CHECKOUT

PAGE = CHECKOUT / "docs" / "explanation" / "faults.md"
NUMBER = re.compile(r"_(fault|attack)s?_(\d+)(?:_and_(\d+))?_")
CASE = re.compile(r"_case_([a-z])\d+_")


@cache
def names_of(path: Path) -> tuple[str, ...]:
    return tuple(re.findall(r"^ *(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE))


def numbered() -> list[str]:
    """Every test that carries a number of a fault, an attack or a case."""
    names = (name for path in (CHECKOUT / "tests").rglob("test_*.py") for name in names_of(path))
    return sorted(name for name in names if NUMBER.search(name) or CASE.search(name))


def rows() -> dict[str, dict[str, str]]:
    """By kind (fault, attack, case): number or letter, and the rest of its row."""
    parts = re.split(r"^## (Fault|Attack|Case)s$", PAGE.read_text(), flags=re.MULTILINE)[1:]
    return {
        kind.lower(): dict(re.findall(r"^\| (\w+) \|(.*)$", text, re.MULTILINE))
        for kind, text in zip(parts[::2], parts[1::2], strict=True)
    }


def test_the_tests_carry_numbers() -> None:
    assert len(numbered()) > 200


def test_the_page_has_every_number_that_a_test_carries() -> None:
    known = rows()
    for name in numbered():
        for kind, *numbers in NUMBER.findall(name):
            for number in filter(None, numbers):
                assert str(int(number)) in known[kind], name
        for letter in CASE.findall(name):
            assert letter.upper() in known["case"], name


@pytest.mark.parametrize(("kind", "count"), [("fault", 51), ("attack", 28)])
def test_the_page_leaves_no_number_out(kind: str, count: int) -> None:
    assert list(rows()[kind]) == [str(number) for number in range(1, count + 1)]


def test_every_link_leads_to_a_file_with_such_a_test() -> None:
    links = re.findall(r"\[`(\w+)`\]\(([^)]+)\)", PAGE.read_text())
    assert len(links) > 80
    for beginning, target in links:
        path = (PAGE.parent / target).resolve()
        names = names_of(path)
        assert any(name == beginning or name.startswith(f"{beginning}_") for name in names), target


def test_a_row_without_a_test_says_so() -> None:
    for kind in ("fault", "attack"):
        for number, row in rows()[kind].items():
            if number.isdigit() and "](" not in row:
                assert "Does not apply" in row or "not covered yet" in row, row
