"""Reads the site's settings from environment variables."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

SQLITE_OPTIONS = {
    "init_command": "PRAGMA journal_mode=WAL",
    # A transaction that reads first and writes later would otherwise fail at once
    # with "database is locked" instead of waiting for its turn.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
}

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


def text(name: str, default: str) -> str:
    """The variable's value; one that is empty counts as not set."""
    return os.environ.get(name) or default


def flag(name: str, *, default: bool) -> bool:
    value = text(name, str(default)).strip().lower()
    if value not in TRUE | FALSE:
        raise ImproperlyConfigured(f"{name} is {value!r}, which is neither on nor off. Set 1 or 0.")
    return value in TRUE


def words(name: str, default: str) -> list[str]:
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def folder(name: str, default: str) -> Path:
    """A folder; a relative one is relative to the checkout, wherever a process starts."""
    return BASE_DIR / text(name, default)


def database(name: str, default: str) -> dict[str, Any]:
    """Django's settings of the database at an address such as postgres://user:password@host/shop.

    Raises ImproperlyConfigured, without the address, because it holds the password.
    """
    try:
        config = parse(text(name, default))
    except ValueError:
        config = {}
    if not config.get("NAME"):
        raise ImproperlyConfigured(
            f"{name} is not an address of a database. Write it like"
            " postgres://user:password@host:5432/shop or sqlite:///db.sqlite3,"
            " with special characters in the password percent-encoded."
        )
    if config["ENGINE"] == "django.db.backends.sqlite3":
        config["OPTIONS"] = SQLITE_OPTIONS | config.get("OPTIONS", {})
        if not str(config["NAME"]).startswith((":memory:", "file:")):
            config["NAME"] = BASE_DIR / config["NAME"]
    return config


def parse(address: str) -> dict[str, Any]:
    """Django's settings of the database there. Raises ValueError."""
    config: dict[str, Any] = dict(dj_database_url.parse(address))
    if config.get("ENGINE") == "django.db.backends.mysql" and not find_spec("MySQLdb"):
        _let_pymysql_stand_in()
    return config


def _let_pymysql_stand_in() -> None:
    """Django asks for mysqlclient, which has to be compiled; PyMySQL answers to its name, too."""
    try:
        pymysql = import_module("pymysql")
    except ImportError:
        return  # Django says what is missing
    pymysql.install_as_MySQLdb()
