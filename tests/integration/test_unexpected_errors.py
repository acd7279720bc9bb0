"""Whatever a library raises is one destination's sentence; the others get their copy."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.support import broken_kind
from tests.support.backups import assert_refused, make, more_settings, verify
from tests.support.broken_kind import BrokenConfig
from tests.support.copies import new_file, refused
from tests.support.offsite import add, look, shell
from tests.support.sites import Site
from trustbackup.destinations.base import DestinationError, Step
from trustbackup.destinations.s3.config import S3Config
from trustbackup.destinations.sftp import KIND as SFTP
from trustbackup.models import Destination
from trustbackup.operations.offsite import connection_test
from trustbackup.operations.offsite.connection_test import try_saved

PAGES = "/settings/backups/destinations/"
OWN = [f"tests.support.broken_kind.{name}" for name in ("KIND", "UNINSTALLED")]
CANARY = "canary-of-the-tests-4711"
UNDERSCORE = {"bucket": "shop", "endpoint": "http://my_minio:9000", "access_key": "AK"}
SAVED: list[tuple[str, dict[str, Any]]] = [
    ("s3", UNDERSCORE),
    ("s3", {"bucket": "shop", "lock_mode": "GOVERNANCE", "lock_days": "many"}),
    ("sftp", {"host": "127.0.0.1", "user": "x", "port": "ssh", "host_key": "nonsense"}),
    ("sftp", {"host": ["a", "list"], "user": {"a": 1}}),
    ("folder", {"path": 7}),
    ("storage", {"alias": "broken"}),
    ("storage", {"alias": ["default"]}),
    ("broken", {"error": "KeyError"}),
    ("broken", {"error": "RecursionError", "at": "put"}),
    ("broken", {"error": "ZeroDivisionError", "at": "__init__"}),
    ("uninstalled", {"error": "x"}),
    ("gone", {"x": 1}),
]
"""Rows as the form of another version, or a person in the admin, may have left them."""


def test_case_t1_a_destination_that_no_library_takes_stops_no_other(
    sqlite_site: Site, offloaded: Path
) -> None:
    more_settings(
        sqlite_site,
        f"TRUSTBACKUP = {{**TRUSTBACKUP, 'DESTINATION_KINDS': {OWN!r}}}\n"
        "STORAGES = {\n"
        "    'default': {'BACKEND': 'django.core.files.storage.FileSystemStorage'},\n"
        "    'staticfiles': {'BACKEND': 'django.contrib.staticfiles.storage.StaticFilesStorage'},\n"
        "    'broken': {'BACKEND': 'tests.support.broken_kind.BrokenStorage'},\n}",
    )
    rows = "\n".join(
        f"Destination.objects.create(name='bad{number}', kind={kind!r}, options={options!r})"
        for number, (kind, options) in enumerate(SAVED)
    )
    shell(sqlite_site, f"from trustbackup.models import Destination\n{rows}")
    add(sqlite_site, offloaded, name="zz-last")
    made = sqlite_site.manage("create_backup", "--json", check=False)
    assert made.returncode == 1
    assert "Traceback" not in made.stderr
    copies = {copied["destination"]: copied["error"] for copied in made.json["copies"]}
    assert copies.pop("zz-last") == ""
    assert len(copies) == len(SAVED)
    assert [name for name, error in copies.items() if not error.endswith(".")] == []
    assert "my_minio" in copies["bad0"]
    assert list(offloaded.glob("*.manifest.json"))
    assert look(sqlite_site)["runs"][-1][1] == "partial"
    synced = sqlite_site.manage("sync_backups", "--json", check=False)
    assert "Traceback" not in synced.stderr
    assert [found["ok"] for found in synced.json] == [False] * len(SAVED) + [True]


@pytest.fixture
def offloaded(tmp_path: Path) -> Path:
    (tmp_path / "another disk").mkdir()
    return tmp_path / "another disk" / "copies"


@pytest.mark.usefixtures("runs_at_once")
def test_case_t1_its_pages_and_tests_are_sentences(
    client: Client, settings: Any, tmp_path: Path
) -> None:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path, "DESTINATION_KINDS": OWN}
    settings.STORAGES = {
        **settings.STORAGES,
        "broken": {"BACKEND": "tests.support.broken_kind.BrokenStorage"},
    }
    client.force_login(User.objects.create_superuser("operator", password="a password"))
    for number, (kind, options) in enumerate(SAVED):
        row = Destination.objects.create(name=f"bad{number}", kind=kind, options=options)
        result = try_saved(row)
        if kind != "broken":
            assert not result.ok, (kind, options)
            assert result.problem.endswith("."), (kind, options)
        if kind != "gone":
            assert client.get(f"{PAGES}bad{number}/").status_code == 200
            assert client.post(f"{PAGES}bad{number}/test/").status_code == 200
    assert client.get(PAGES).status_code == 200
    form = {"name": "new", **UNDERSCORE, "secret_key": CANARY}
    for button in ("save", "test_connection"):
        answer = client.post(f"{PAGES}add/s3/", {**form, button: "1"})
        assert answer.status_code == 422
        assert "my_minio" in answer.content.decode()
        assert CANARY not in answer.content.decode()


@pytest.mark.parametrize("at", ["put", "list", "stat", "delete", "check", "__init__"])
@pytest.mark.parametrize(("error", "permanent"), [("KeyError", True), ("OSError", False)])
def test_case_t1_the_sentence_repeats_no_secret(
    at: str, error: str, permanent: bool, tmp_path: Path
) -> None:
    source, sha256 = new_file(tmp_path, 10)
    config = BrokenConfig(error, at, CANARY)

    def use() -> None:
        destination = broken_kind.KIND.open(config)
        destination.stat(source.name)
        destination.delete(source.name)
        destination.list()
        destination.put(source, sha256)
        step = next(destination.check())
        if not step.ok:
            assert CANARY not in step.detail
            raise DestinationError(step.detail, why="x", todo="x", permanent=permanent)

    with refused(error, permanent=permanent):
        use()


@pytest.mark.parametrize(
    "host", ["my_minio", "-a.example", "a..b", "a-.example", "x" * 64, "müller.example"]
)
def test_case_t1_a_host_name_that_the_sdk_refuses_is_refused_at_the_door(host: str) -> None:
    with refused("host", permanent=True):
        S3Config(bucket="shop", endpoint=f"http://{host}:9000")


@pytest.mark.parametrize("host", ["minio", "a.b-c.example.", "10.0.0.1", "[::1]", "X1.Example"])
def test_every_other_host_name_is_taken_by_the_sdk(host: str) -> None:
    from trustbackup.destinations.s3.client import new_client

    config = S3Config(bucket="shop", endpoint=f"http://{host}:9000", region="eu-1")
    new_client(config).close()


def test_case_t1_an_address_that_a_kind_cannot_read_is_a_sentence(sqlite_site: Site) -> None:
    more_settings(sqlite_site, f"TRUSTBACKUP = {{**TRUSTBACKUP, 'DESTINATION_KINDS': {OWN!r}}}")
    make(sqlite_site)
    for url in ("broken://x/y", "uninstalled://x/y", "s3://shop?endpoint=http://my_minio:9000"):
        refused_ = sqlite_site.manage("list_backups", "--at", url, check=False)
        assert refused_.returncode == 1, url
        assert "Traceback" not in refused_.stderr


def test_an_underscore_is_good_for_sftp() -> None:
    config = SFTP.configure({"host": "my_nas", "user": "x"}, {})
    assert config.address == "sftp://x@my_nas/"


def test_case_s6_a_library_that_never_answers_does_not_hold_the_worker(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path, "DESTINATION_KINDS": OWN}
    monkeypatch.setattr(connection_test, "LONGEST", 0.5)
    released = threading.Event()

    def wait(_destination: object) -> Iterator[Step]:
        yield Step("works", ok=True, seconds=0.0)
        released.wait(600)

    monkeypatch.setattr(broken_kind.Broken, "check", wait)
    began = time.monotonic()
    try:
        result = connection_test.try_destination("broken", {"error": "KeyError"}, {})
    finally:
        released.set()
    assert time.monotonic() - began < 120
    assert [(step.name, step.ok) for step in result.steps] == [
        ("works", True),
        ("connection", False),
    ]
    assert "not over within 0.5 seconds" in result.problem


@pytest.mark.parametrize("command", ["list_backups", "backup_doctor"])
def test_a_pool_without_its_package_is_one_sentence(postgres_site: Site, command: str) -> None:
    more_settings(
        postgres_site,
        "import sys\nsys.modules['psycopg_pool'] = None\n"
        "DATABASES['default']['OPTIONS'] = {'pool': True}",
    )
    assert_refused(postgres_site.manage(command, check=False), "psycopg[pool]")
    made = make(postgres_site)  # by connections of its own
    assert verify(postgres_site, made["id"])["ok"]
