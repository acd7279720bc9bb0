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
        assert get_settings().root == tmp_path / "backups"
        assert get_settings().compression == "gzip"


def test_a_changed_setting_counts_at_once(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with override_settings(TRUSTBACKUP={"ROOT": tmp_path / name}):
            assert get_settings().root == tmp_path / name


def test_a_relative_folder_is_made_absolute() -> None:
    with override_settings(TRUSTBACKUP={"ROOT": "backups"}):
        assert get_settings().root == Path.cwd() / "backups"


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
        ({"ROTO": "/x"}, "Did you mean 'ROOT'"),
        ({"XYZZY": 1}, "Known are"),
        ({7: 1}, "7"),
        ([], "dictionary"),
        ({"ROOT": 7}, "ROOT"),
        ({"SECRET_KEYS": "abc"}, "SECRET_KEYS"),
        ({"SECRET_KEYS": [""]}, "SECRET_KEYS"),
        ({"SECRET_KEYS": [7]}, "SECRET_KEYS"),
        ({"DATABASES": "default"}, "DATABASES"),
        ({"WAIT": 0}, "WAIT"),
        ({"WAIT": -1}, "WAIT"),
        ({"WAIT": "3"}, "WAIT"),
        ({"WAIT": True}, "WAIT"),
        ({"WAIT": float("nan")}, "WAIT"),
        ({"WAIT": float("inf")}, "WAIT"),
        ({"CONNECT_TIMEOUT": None}, "CONNECT_TIMEOUT"),
    ],
)
def test_what_is_wrong_is_named(given: Any, named: str) -> None:
    with override_settings(TRUSTBACKUP=given), pytest.raises(ConfigurationError, match=named):
        get_settings()
