"""The tutorial as a newcomer reads it: what to type, and what to write into which file."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

TUTORIAL = Path(__file__).resolve().parents[2] / "docs/tutorial.md"


@cache
def blocks() -> tuple[tuple[str, str], ...]:
    """Its fenced blocks in order, as (language, text)."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", TUTORIAL.read_text(), re.DOTALL | re.MULTILINE)
    return tuple(found)


def commands() -> list[str]:
    """Every line that is typed, in order."""
    lines = (line for kind, text in blocks() if kind == "console" for line in text.splitlines())
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def written(file: str) -> str:
    """What is added at the end of ``settings.py`` or ``urls.py``."""
    (text,) = (text for _kind, text in blocks() if text.startswith(f"# {file}\n"))
    return text
