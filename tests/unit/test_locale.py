"""The catalogues are complete, are those of the code, and are compiled."""

from __future__ import annotations

import re
from pathlib import Path

import django
import pytest

from tests.support.catalogues import (
    LANGUAGES,
    Catalogue,
    committed,
    compiled_anew,
    load,
    messages_of_the_code,
    source,
)
from tests.support.sites import CHECKOUT

FIELD = re.compile(r"%\((\w+)\)([.\d]*[sdrgf])|(?<![%)])%([sd])|\{(\w*)\}")
TAG = re.compile(r"</?[a-z][^>]*>")


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """Every message that the code says now."""
    return messages_of_the_code(tmp_path_factory.mktemp("messages"))


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_message_of_the_code_is_translated(language: str, english: Catalogue) -> None:
    """Run `make messages` and fill in what it added."""
    assert len(english) > 300
    assert set(committed(language)) == set(english)
    assert all(text.strip() for text in committed(language).values())


def test_gettext_has_no_name_that_makemessages_does_not_know() -> None:
    alias = re.compile(r"import \w*gettext\w* as (?!_$)", re.MULTILINE)
    for path in (CHECKOUT / "trustbackup").rglob("*.py"):
        assert not alias.search(path.read_text()), path


def test_nothing_is_fuzzy_or_obsolete(language: str) -> None:
    lines = source(language).read_text().splitlines()
    assert not [line for line in lines if line.startswith(("#~", "#|", "#, fuzzy"))]


def test_what_is_compiled_is_what_is_written(language: str, tmp_path: Path) -> None:
    assert committed(language) == compiled_anew(source(language), tmp_path)


def test_a_translation_fills_in_the_same_values_and_tags(language: str, english: Catalogue) -> None:
    for key, text in committed(language).items():
        said = english[key]
        assert sorted(FIELD.findall(text)) == sorted(FIELD.findall(said)), text
        assert sorted(TAG.findall(text)) == sorted(TAG.findall(said)), text


def test_a_translation_ends_as_its_message_does(language: str, english: Catalogue) -> None:
    for key, text in committed(language).items():
        said = english[key]
        for ending in (".", ":", "…", "?"):
            assert text.endswith(ending) == said.endswith(ending), text
        assert text == text.strip()


def test_a_diff_shows_messages_only(language: str) -> None:
    """Neither places in the code nor dates nor wrapped lines, which `make messages` leaves out."""
    text = source(language).read_text()
    assert "\n#: " not in text
    assert "POT-Creation-Date" not in text
    assert not re.search(r'\nmsg(id|str) ""\n"', text.split("\n\n", 1)[1])


def test_no_message_means_something_else_to_django(language: str) -> None:
    """All apps share one catalogue, and the first wins: another meaning needs a context."""
    ours = committed(language)
    for found in Path(django.__file__).parent.glob(f"**/locale/{language}/**/django.mo"):
        for key, text in load(found).items():
            assert ours.get(key, text) == text, (found, key)
