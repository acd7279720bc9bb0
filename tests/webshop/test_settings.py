from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from webshop import environment

ROOT = environment.BASE_DIR
VARIABLES = ["DATABASE_URL", "SECRET_KEY", "DEBUG", "ALLOWED_HOSTS", "MEDIA_ROOT",
             "TRUSTBACKUP_ROOT"]  # fmt: skip

SHOW = """
import json
from webshop import settings
shown = ("DATABASES", "SECRET_KEY", "DEBUG", "ALLOWED_HOSTS", "MEDIA_ROOT", "TRUSTBACKUP")
print(json.dumps({name: getattr(settings, name) for name in shown}, default=str))
"""


def site(**variables: str) -> dict[str, Any]:
    """The settings as a process of its own sees them."""
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    done = subprocess.run(
        [sys.executable, "-c", SHOW],
        cwd=ROOT,
        env=clean | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def database(monkeypatch: pytest.MonkeyPatch, url: str) -> dict[str, Any]:
    monkeypatch.setenv("DATABASE_URL", url)
    return environment.database("DATABASE_URL", "sqlite:///db.sqlite3")


@pytest.mark.parametrize("variables", [{}, dict.fromkeys(VARIABLES, "")])
def test_everything_has_a_default(variables: dict[str, str]) -> None:
    settings = site(**variables)
    assert settings["DATABASES"]["default"]["ENGINE"] == "django.db.backends.sqlite3"
    assert settings["DATABASES"]["default"]["NAME"] == str(ROOT / "db.sqlite3")
    assert "insecure" in settings["SECRET_KEY"]
    assert settings["DEBUG"] is True
    assert "localhost" in settings["ALLOWED_HOSTS"]
    assert settings["MEDIA_ROOT"] == str(ROOT / "media")
    assert settings["TRUSTBACKUP"] == {"BACKUP_DIR": str(ROOT / "backups")}


def test_the_environment_decides(tmp_path: Path) -> None:
    settings = site(
        DATABASE_URL="postgres://shop:secret@db.example.org:5433/shop",
        SECRET_KEY="a key",
        DEBUG="off",
        ALLOWED_HOSTS="shop.example.org, www.example.org",
        MEDIA_ROOT=str(tmp_path / "uploads"),
        TRUSTBACKUP_ROOT="kept",
    )
    default = settings["DATABASES"]["default"]
    assert default["ENGINE"] == "django.db.backends.postgresql"
    assert (default["HOST"], default["PORT"], default["NAME"]) == ("db.example.org", 5433, "shop")
    assert settings["SECRET_KEY"] == "a key"
    assert settings["DEBUG"] is False
    assert settings["ALLOWED_HOSTS"] == ["shop.example.org", "www.example.org"]
    assert settings["MEDIA_ROOT"] == str(tmp_path / "uploads")
    assert settings["TRUSTBACKUP"] == {"BACKUP_DIR": str(ROOT / "kept")}


@pytest.mark.parametrize("value", ["1", "true", "YES", " on "])
def test_debug_can_be_on(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("DEBUG", value)
    assert environment.flag("DEBUG", default=False)


def test_debug_is_on_or_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBUG", "maybe")
    with pytest.raises(ImproperlyConfigured, match="DEBUG is 'maybe', which is neither"):
        environment.flag("DEBUG", default=True)


def test_a_password_may_hold_special_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    config = database(monkeypatch, "postgres://us%40er:p%40ss%2Fw%23o%25r%3Ad%3F@localhost/shop")
    assert config["USER"] == "us@er"
    assert config["PASSWORD"] == "p@ss/w#o%r:d?"
    assert config["NAME"] == "shop"


@pytest.mark.parametrize(
    "url",
    [
        "postgres://shop:hunter2#x@localhost/shop",
        "postgres://shop:12#hunter2@localhost/shop",
        "postgres://shop:hunter2/x@localhost/shop",
        "postgres://shop:[hunter2@localhost/shop",
        "postgres://shop:hunter2@localhost:port/shop",
        "postgres://shop:hunter2@localhost",
        "nosuch://shop:hunter2@localhost/shop",
        "hunter2",
    ],
)
def test_a_bad_address_is_one_sentence_without_the_password(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        database(monkeypatch, url)
    assert str(caught.value).startswith("DATABASE_URL is not an address of a database.")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///shop.sqlite3", ROOT / "shop.sqlite3"),
        ("sqlite:////srv/shop.sqlite3", Path("/srv/shop.sqlite3")),
        ("sqlite://:memory:", ":memory:"),
    ],
)
def test_an_sqlite_database_waits_its_turn(
    monkeypatch: pytest.MonkeyPatch, url: str, name: Path | str
) -> None:
    config = database(monkeypatch, url)
    assert config["NAME"] == name
    assert config["OPTIONS"] == {
        "init_command": "PRAGMA journal_mode=WAL",
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
    }


def test_an_option_in_the_address_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    options = database(monkeypatch, "sqlite:///shop.sqlite3?timeout=5")["OPTIONS"]
    assert options["timeout"] == 5
    assert options["transaction_mode"] == "IMMEDIATE"


def test_a_file_database_is_in_wal_mode_and_writes_take_turns(tmp_path: Path) -> None:
    code = """
import django
django.setup()
from django.db import connection, transaction
with connection.cursor() as cursor:
    print(cursor.execute("PRAGMA journal_mode").fetchone()[0])
    print(cursor.execute("PRAGMA busy_timeout").fetchone()[0])
statements = []
connection.ensure_connection()
connection.connection.set_trace_callback(statements.append)
with transaction.atomic():
    pass
print(statements[0])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "webshop.settings",
            "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[:3] == ["wal", "20000", "BEGIN IMMEDIATE"]


def test_no_migration_is_missing(db: None) -> None:
    from django.core.management import call_command

    call_command("makemigrations", "shop", check=True, dry_run=True, verbosity=0)


@pytest.mark.parametrize("module", ["wsgi", "asgi"])
def test_a_server_finds_its_application(module: str) -> None:
    from importlib import import_module

    assert callable(import_module(f"webshop.{module}").application)
