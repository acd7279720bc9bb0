"""The page of limits: each row is a test that is there, and says one of the known verdicts."""

from __future__ import annotations

import re

from tests.support.sites import CHECKOUT

PAGE = CHECKOUT / "docs" / "reference" / "limits.md"
VERDICTS = ("whole", "with a note", "in place", "refused")


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] not in ("role", "---")]


def test_each_row_of_the_limits_is_tried_by_the_test_that_it_leads_to() -> None:
    assert len(rows()) > 15
    for role, situation, verdict, test in rows():
        assert role
        assert situation
        assert verdict.startswith(VERDICTS), verdict
        link = re.fullmatch(r"\[`(test_\w+)`\]\(([^)]+)\)", test)
        assert link, test
        path = (PAGE.parent / link[2]).resolve()
        assert f"def {link[1]}(" in path.read_text(), test


def test_no_situation_stands_there_twice_for_one_role() -> None:
    keys = [(role, situation, test) for role, situation, _verdict, test in rows()]
    assert len(keys) == len(set(keys))
    assert len({(role, situation) for role, situation, _test in keys}) == len(keys)
