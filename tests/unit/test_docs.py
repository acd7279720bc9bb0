from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from django.core.management import load_command_class

from trustbackup import checks
from trustbackup.conf import Settings
from trustbackup.destinations.address import SFTP_KEY_FILE, SFTP_VARIABLES, parse
from trustbackup.destinations.registry import DESTINATIONS
from trustbackup.destinations.s3.config import URL_OPTIONS
from trustbackup.management.terminal import BackupCommand

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = sorted(
    path.stem
    for path in (ROOT / "trustbackup/management/commands").glob("*.py")
    if path.stem != "__init__"
)
REFERENCE = (ROOT / "docs/reference/commands.md").read_text()
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


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
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", text, re.MULTILINE))
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
    kinds = {parse(address, {})[0] for address in addresses}
    assert kinds == set(DESTINATIONS)


def test_every_system_check_is_documented() -> None:
    text = (ROOT / "docs/reference/settings.md").read_text()
    ids = set(re.findall(r"trustbackup\.[EW]\d+", Path(checks.__file__).read_text()))
    assert ids == set(re.findall(r"trustbackup\.[EW]\d+", text))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text()):
        if not target.startswith(("http:", "https:")):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_a_document_shows_exists(path: Path) -> None:
    for name in re.findall(r"manage\.py ([a-z]+_[a-z]+)", path.read_text()):
        assert name in COMMANDS, name
