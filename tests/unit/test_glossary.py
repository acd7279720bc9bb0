"""The glossary's words are those of the code: the retired ones name nothing any more."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sites import CHECKOUT
from trustbackup import conf

PACKAGE = CHECKOUT / "trustbackup"
GLOSSARY = (CHECKOUT / "docs" / "glossary.md").read_text()
ALLOWED = {
    ("views/forms.py", "verb"): "addresses call it so from the start, and stay",
}
"""Exceptions, each with its reason."""


def retired(beginning: str) -> set[str]:
    """The words in ticks of the paragraph after the one that begins so."""
    paragraphs = GLOSSARY.split("\n\n")
    number = next(n for n, text in enumerate(paragraphs) if text.startswith(beginning))
    return set(re.findall(r"`(\w+)`", paragraphs[number + 1]))


NAMES = retired("No function, class, parameter")
WORDS = retired("No such name holds")


def modules() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if "migrations" not in path.parts]


def names_in(code: str) -> Iterator[str]:
    """Every name that a module defines."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case ast.alias(asname=str(name)):
                yield name


def wrong_names(code: str) -> set[str]:
    return {name for name in names_in(code) if is_retired(name)}


def is_retired(name: str) -> bool:
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return name.lstrip("_") in NAMES or bool(WORDS & {word.lower() for word in words})


def test_the_glossary_retires_words() -> None:
    assert {"at_hand", "Site", "MEANWHILE"} <= NAMES
    assert {"life", "verb"} <= WORDS


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_name_is_a_retired_one(path: Path) -> None:
    place = str(path.relative_to(PACKAGE))
    assert {name for name in wrong_names(path.read_text()) if (place, name) not in ALLOWED} == set()


def test_every_exception_is_still_needed() -> None:
    for place, name in ALLOWED:
        assert name in set(names_in((PACKAGE / place).read_text())), name


@pytest.mark.parametrize(
    "code",
    [
        "def at_hand(): pass",
        "def _beat(): pass",
        "class Site: pass",
        "class RunLife: pass",
        "kept = 1",
        "self.away = None",
        "def do(old_verb): pass",
        "async_victims = victim = 2",
        "with open(x) as pulse: pass",
        "import json as marks",
        "for crew_member in crews: pass",
    ],
)
def test_a_retired_name_is_found(code: str) -> None:
    assert wrong_names(code)


@pytest.mark.parametrize(
    "code", ["kept_names = 1", "class SiteForm: pass", "x = 'life'", "verbs()"]
)
def test_another_name_is_not_found(code: str) -> None:
    assert wrong_names(code) == set()


def test_every_renamed_setting_is_in_the_glossary() -> None:
    for old, new in conf.RENAMED.items():
        assert f"`{old.upper()}`" in GLOSSARY
        assert f"`{new.upper()}`" in GLOSSARY


VAGUE = re.compile(r"(Whoever|Somebody|Nobody)\b")


def sentences_in(code: str) -> Iterator[str]:
    """Every docstring, every text that stands below a name to explain it, and every comment."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield text.strip()
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            yield token.string.lstrip("# ")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_docstring_or_comment_begins_without_saying_who(path: Path) -> None:
    assert [text for text in sentences_in(path.read_text()) if VAGUE.match(text)] == []


@pytest.mark.parametrize(
    "code", ['"""Whoever asks."""', "def f():\n    '''Nobody waits.'''", "x = 1  # Somebody knows"]
)
def test_a_sentence_that_does_not_say_who_is_found(code: str) -> None:
    assert any(VAGUE.match(text) for text in sentences_in(code))
