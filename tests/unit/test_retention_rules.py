"""What a plan may ask to be kept: 0, empty and not there are different things."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustbackup.phrases import Phrase
from trustbackup.policy.retention.rules import COUNTS, MOST, RetentionPolicy

NUMBERS = st.none() | st.integers(0, MOST)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "There is no rule"),
        ({"last": None, "daily": None}, "There is no rule"),
        ({"last": 0}, "keep nothing"),
        ({"last": 0, "daily": 0, "days": 0}, "keep nothing"),
        ({"days": 0, "size_limit": 1000}, "keep nothing"),
        ({"size_limit": 0}, "room for no backup"),
        ({"last": 1, "size_limit": 0}, "room for no backup"),
        ({"size_limit": 10, "enforce_size": True}, "needs another rule"),
        ({"last": ""}, "last is empty"),
        ({"last": "3"}, "not a whole number"),
        ({"last": True}, "not a whole number"),
        ({"last": 1.0}, "not a whole number"),
        ({"last": -1}, "from 0 on"),
        ({"days": MOST + 1}, "above 100000"),
        ({"daily": 1, "enforce_size": 1}, "neither true nor false"),
        ({"keep": 3}, "There is no rule 'keep'; there are last, hourly,"),
        ({3: 3}, "There is no rule 3"),
        ([], "not a dictionary"),
        (None, "not a dictionary"),
    ],
)
def test_fault_47_what_keeps_nothing_or_says_nothing_is_refused(given: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        RetentionPolicy.from_dict(given)
    assert isinstance(caught.value.args[0], Phrase), "pages say it in their reader's language"


@pytest.mark.parametrize(
    "given",
    [{"last": 1}, {"last": 0, "daily": 7}, {"days": 30}, {"size_limit": 5}, {"hourly": MOST}],
)
def test_one_rule_that_keeps_something_is_enough(given: dict[str, int]) -> None:
    policy = RetentionPolicy.from_dict(given)
    assert policy.as_dict() == given
    assert policy.deletes is ("size_limit" not in given)


def test_zero_is_another_thing_than_no_rule() -> None:
    with_zero = RetentionPolicy(last=0, daily=7)
    assert with_zero != RetentionPolicy(daily=7)
    assert with_zero.as_dict() == {"last": 0, "daily": 7}
    assert with_zero.counts == {"daily": 7}


@given(st.fixed_dictionaries(dict.fromkeys((*COUNTS, "days"), NUMBERS)), st.booleans())
def test_what_json_holds_is_the_same_policy(numbers: dict[str, Any], enforce: bool) -> None:
    numbers["last"] = numbers["last"] or 1
    policy = RetentionPolicy(**numbers, size_limit=10**12, enforce_size=enforce)
    assert RetentionPolicy.from_dict(json.loads(json.dumps(policy.as_dict()))) == policy
