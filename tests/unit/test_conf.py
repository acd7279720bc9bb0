"""Settings: typed, read afresh, and refused with the key's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from trustbackup.conf import get_settings
from trustbackup.exceptions import ConfigurationError


def test_defaults_work_without_any_setting(tmp_path: Path) -> None:
    with override_settings(TRUSTBACKUP={}, BASE_DIR=tmp_path):
        assert get_settings().backup_dir == tmp_path / "backups"
        assert get_settings().compression == "gzip"


def test_a_changed_setting_counts_at_once(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with override_settings(TRUSTBACKUP={"BACKUP_DIR": tmp_path / name}):
            assert get_settings().backup_dir == tmp_path / name


def test_a_relative_folder_is_made_absolute() -> None:
    with override_settings(TRUSTBACKUP={"BACKUP_DIR": "backups"}):
        assert get_settings().backup_dir == Path.cwd() / "backups"


def test_a_folder_that_is_a_link_is_the_one_that_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "large-disk")
    with override_settings(TRUSTBACKUP={"BACKUP_DIR": tmp_path / "link"}):
        assert get_settings().backup_dir == tmp_path / "large-disk"
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with override_settings(TRUSTBACKUP={"BACKUP_DIR": tmp_path / "circle"}):
        assert get_settings().backup_dir == tmp_path / "circle"


def test_keys_in_bytes_are_the_same_keys() -> None:
    keys = {"SECRET_KEY": b"new", "SECRET_KEY_FALLBACKS": [b"\xff", "old"]}
    with override_settings(TRUSTBACKUP={}, **keys):
        assert get_settings().secret_keys == ("new", "\xff", "old")


def test_the_keys_are_those_of_the_site_unless_it_names_others() -> None:
    with override_settings(TRUSTBACKUP={}, SECRET_KEY="new", SECRET_KEY_FALLBACKS=["old"]):
        assert get_settings().secret_keys == ("new", "old")
    with override_settings(TRUSTBACKUP={"SECRET_KEYS": ["own", "older"]}, SECRET_KEY="new"):
        assert get_settings().secret_keys == ("own", "older")


def test_a_secret_is_not_in_the_repr() -> None:
    with override_settings(TRUSTBACKUP={"SECRET_KEYS": ["canary"]}):
        assert "canary" not in repr(get_settings())


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"BACKUP_DIRR": "/x"}, "Did you mean 'BACKUP_DIR'"),
        ({"XYZZY": 1}, "Known are"),
        ({7: 1}, "7"),
        ([], "dictionary"),
        ({"BACKUP_DIR": 7}, "BACKUP_DIR"),
        ({"BACKUP_DIR": "~/backups"}, "whole path"),
        ({"BACKUP_DIR": Path("~deploy/backups")}, "whole path"),
        ({"BACKUP_DIR": "$HOME/backups"}, "whole path"),
        ({"SECRET_KEYS": "abc"}, "SECRET_KEYS"),
        ({"SECRET_KEYS": [""]}, "SECRET_KEYS"),
        ({"SECRET_KEYS": [7]}, "SECRET_KEYS"),
        ({"DATABASES": "default"}, "DATABASES"),
        ({"LOCK_TIMEOUT": 0}, "LOCK_TIMEOUT"),
        ({"LOCK_TIMEOUT": -1}, "LOCK_TIMEOUT"),
        ({"LOCK_TIMEOUT": "3"}, "LOCK_TIMEOUT"),
        ({"LOCK_TIMEOUT": True}, "LOCK_TIMEOUT"),
        ({"LOCK_TIMEOUT": float("nan")}, "LOCK_TIMEOUT"),
        ({"LOCK_TIMEOUT": float("inf")}, "LOCK_TIMEOUT"),
        ({"CONNECT_TIMEOUT": None}, "CONNECT_TIMEOUT"),
        ({"RESTORE": "page"}, "RESTORE.*'page', 'api', 'command'"),
        ({"RESTORE": ["pages"]}, "RESTORE"),
        ({"RESTORE": None}, "RESTORE"),
    ],
)
def test_what_is_wrong_is_named(given: Any, named: str) -> None:
    with override_settings(TRUSTBACKUP=given), pytest.raises(ConfigurationError, match=named):
        get_settings()
