from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from django.core.management import load_command_class

from trustbackup import checks
from trustbackup.conf import HOOKABLE, Settings
from trustbackup.destinations.address import parse
from trustbackup.destinations.registry import kinds
from trustbackup.destinations.s3.config import URL_OPTIONS
from trustbackup.destinations.sftp.config import SFTP_KEY_FILE, SFTP_VARIABLES
from trustbackup.events import Event, EventKind
from trustbackup.management.terminal import BackupCommand
from trustbackup.views import checks as page_checks

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = sorted(
    path.stem
    for path in (ROOT / "trustbackup/management/commands").glob("*.py")
    if path.stem != "__init__"
)
REFERENCE = (ROOT / "docs/reference/commands.md").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_in_the_reference(name: str) -> None:
    command = load_command_class("trustbackup", name)
    assert isinstance(command, BackupCommand)
    assert name in REFERENCE
    parser = command.create_parser("manage.py", name)
    usual = set(BackupCommand().create_parser("manage.py", name)._option_string_actions)
    for option in set(parser._option_string_actions) - usual:
        assert f"`{option}" in REFERENCE or f" {option}" in REFERENCE, option


def test_the_reference_knows_no_option_that_is_not_there() -> None:
    known = {"--json"}
    for name in COMMANDS:
        parser = load_command_class("trustbackup", name).create_parser("manage.py", name)
        known |= set(parser._option_string_actions)
    assert set(re.findall(r"--[a-z][a-z-]+", REFERENCE)) <= known


def test_every_setting_is_documented_and_no_other() -> None:
    text = (ROOT / "docs/reference/settings.md").read_text()
    (table,) = (part for part in text.split("\n\n") if "| `BACKUP_DIR` |" in part)
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE))
    assert documented == {item.name.upper() for item in fields(Settings)}


def test_every_part_of_an_address_is_documented_and_no_other() -> None:
    text = (ROOT / "docs/reference/destinations.md").read_text()
    options = re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE)
    assert sorted(options) == sorted(URL_OPTIONS)
    variables = set(re.findall(r"TRUSTBACKUP_[A-Z_]+", text))
    assert variables == {*SFTP_VARIABLES.values(), SFTP_KEY_FILE}


def test_every_example_of_an_address_is_one() -> None:
    text = (ROOT / "docs/reference/destinations.md").read_text()
    addresses = re.findall(r"^\| `([a-z0-9]+://[^`]+)` \|", text, re.MULTILINE)
    assert {parse(address, {})[0].name for address in addresses} == set(kinds())


def test_every_kind_of_event_is_documented_and_no_other() -> None:
    text = (ROOT / "docs/reference/events.md").read_text()
    (table,) = (part for part in text.split("\n\n") if "| `started` |" in part)
    assert re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE) == [*EventKind]
    (fields_of,) = (part for part in text.split("\n\n") if "| `key` |" in part)
    assert re.findall(r"^\| `([a-z_]+)` \|", fields_of, re.MULTILINE) == [
        "kind",
        "sentence",
        "key",
        *(item.name for item in fields(Event) if item.name not in ("kind", "sentence", "key")),
    ]
    (told,) = (part for part in text.split("\n\n") if part.startswith("A run that somebody"))
    assert set(re.findall(r"`(\w+)`", told)) == set(HOOKABLE)


def test_every_system_check_is_documented() -> None:
    text = (ROOT / "docs/reference/settings.md").read_text()
    both = Path(checks.__file__).read_text() + Path(page_checks.__file__).read_text()
    ids = set(re.findall(r"trustbackup\.[EW]\d+", both))
    assert ids == set(re.findall(r"trustbackup\.[EW]\d+", text))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text()):
        if not target.startswith(("http:", "https:")):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_a_document_shows_exists(path: Path) -> None:
    for name in re.findall(r"manage\.py ([a-z]+(?:_[a-z]+)+)", path.read_text()):
        assert name in COMMANDS, name


def test_every_place_that_newcomers_are_sent_to_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    questions = re.findall(r"^(\d+)\. … (.+?)(?=^\d+\. |\Z)", text, re.MULTILINE | re.DOTALL)
    assert [int(number) for number, _rest in questions] == list(range(1, 13))
    for _number, rest in questions:
        places = re.findall(r"`([^`]+)`", rest)
        assert places, rest
        for place in places:
            assert (ROOT / "trustbackup" / place).exists(), place


@pytest.mark.parametrize("name", ["architecture.md", "glossary.md", "internals/locks.md"])
def test_every_module_that_is_named_exists(name: str) -> None:
    modules = [f"/{path.relative_to(ROOT)}" for path in (ROOT / "trustbackup").rglob("*.py")]
    modules += [f"/{path.relative_to(ROOT)}" for path in (ROOT / "tests").rglob("*.py")]
    for named in re.findall(r"`([\w/]+\.py)`", (ROOT / "docs" / name).read_text()):
        assert any(module.endswith(f"/{named}") for module in modules), named
