"""Case S7: what a backup holds never moves the cursor of who looks at it."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management.base import OutputWrapper
from django.core.management.color import Style, color_style, no_style

from trustbackup.management.plain_output import PlainOutput, plain_json

ESCAPES = ["\x1b[2J", "\x1b]0;title\x07", "\x1b[8m", "\x9b2J", "\r", "\x08", "\x7f"]


def shown(text: str, style: Style) -> str:
    stream = io.StringIO()
    PlainOutput(OutputWrapper(stream), style).write(text)
    return stream.getvalue()


@pytest.mark.parametrize("escape", ESCAPES)
@pytest.mark.parametrize("colours", [False, True])
def test_case_s7_a_name_brings_no_control_into_the_terminal(escape: str, colours: bool) -> None:
    style = color_style(force_color=True) if colours else no_style()
    text = shown(f"before {escape} after\nnext line\tand so on", style)
    assert escape not in text
    assert text.startswith("before ")
    assert text.endswith(" after\nnext line\tand so on\n")


def test_djangos_own_colours_pass_where_there_are_colours() -> None:
    style = color_style(force_color=True)
    red, safe = style.ERROR("red \x1b[2J"), style.ERROR("red \ufffd[2J")
    assert shown(f"a {red} word", style) == f"a {safe} word\n"
    assert "\x1b" not in shown(style.ERROR("red"), no_style())


def test_json_says_the_same_without_controls() -> None:
    value = {"name": "a\x9b2J\x1b[2J\x7f"}
    text = plain_json(json.dumps(value, ensure_ascii=False))
    assert not set(text) & {"\x9b", "\x1b", "\x7f"}
    assert json.loads(text) == value
