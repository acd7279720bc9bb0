"""Every item of bad input: one sentence, exit code 1, nothing half-written, nothing lost."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.backups import (
    assert_refused,
    leftovers,
    listed,
    make,
    more_settings,
    run_all,
    snapshot,
    unchanged,
    verify,
)
from tests.support.dumpers import python_program, use_dumper
from tests.support.sites import Site

REFUSED: list[tuple[list[str], list[str]]] = [
    (["create_backup", "--database", "nosuch"], ["no database 'nosuch'", "'default'"]),
    (["create_backup", "--database", ""], ["database"]),
    (["create_backup", "--type", "everything"], ["'everything'", "database"]),
    (["create_backup", "--type", "settings", "--incremental"], ["--incremental"]),
    (["create_backup", "--compression", "rar"], ["'rar'", "gzip, zstd, bzip2, none"]),
    (["create_backup", "--name", "a/b"], ["'a/b'", "slash"]),
    (["create_backup", "--name", "a\\b"], ["slash"]),
    (["create_backup", "--name", "a\nb"], ["line break"]),
    (["create_backup", "--name", "a\x1b[2Jb"], ["control character"]),
    (["create_backup", "--name", "a\u2028b"], ["line break"]),
    (["create_backup", "--name", "x" * 300], ["300 characters", "200"]),
    (["create_backup", "--nosuch"], ["--nosuch"]),
    (["create_backup", "surplus"], ["surplus"]),
    (["list_backups", "--type", "everything"], ["'everything'"]),
    (["list_backups", "--database", "nosuch"], ["'nosuch'"]),
    (["show_backup", "nosuch"], ["'nosuch'"]),
    (["show_backup"], ["required"]),
    (["verify_backup", "../../etc/passwd"], ["../../etc/passwd"]),
    (["verify_backup", ""], ["''"]),
    (["delete_backup", "nosuch", "--yes"], ["'nosuch'"]),
    (["delete_backup", "latest"], ["--yes"]),
    (["keep_backup", "nosuch"], ["'nosuch'"]),
    (["restore_backup", "nosuch", "--force"], ["'nosuch'"]),
    (["restore_backup", "/no/such/backup.dump.gz", "--force"], ["/no/such/backup.dump.gz"]),
    (["restore_backup", "/etc", "--force"], ["/etc"]),
    (["restore_backup", "latest"], ["--force"]),
]


def test_each_is_refused_in_one_sentence(sqlite_site: Site) -> None:
    make(sqlite_site)
    commands = [arguments for arguments, _named in REFUSED]
    with unchanged(sqlite_site.backups):
        ends = run_all(sqlite_site, commands)
    for end, (_arguments, named) in zip(ends, REFUSED, strict=True):
        assert_refused(end, *named)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("TRUSTBACKUP = {'BACKUP_DIRR': '/tmp'}", ["'BACKUP_DIRR'", "Did you mean 'BACKUP_DIR'"]),
        ("TRUSTBACKUP = {'BACKUP_DIR': 7}", ["BACKUP_DIR", "7"]),
        ("TRUSTBACKUP = []", ["TRUSTBACKUP", "dictionary"]),
        ("TRUSTBACKUP = {**TRUSTBACKUP, 'LOCK_TIMEOUT': 0}", ["LOCK_TIMEOUT", "0"]),
        ("TRUSTBACKUP = {**TRUSTBACKUP, 'LOCK_TIMEOUT': True}", ["LOCK_TIMEOUT"]),
        ("TRUSTBACKUP = {**TRUSTBACKUP, 'SECRET_KEYS': 'abc'}", ["SECRET_KEYS"]),
        ("TRUSTBACKUP = {**TRUSTBACKUP, 'SECRET_KEYS': ['']}", ["SECRET_KEYS"]),
        ("TRUSTBACKUP = {**TRUSTBACKUP, 'DATABASES': ['nosuch']}", ["'nosuch'"]),
        ("TRUSTBACKUP = {**TRUSTBACKUP, 'COMPRESSION': 'rar'}", ["'rar'"]),
        ("TRUSTBACKUP = {**TRUSTBACKUP, 'COMPRESSION': 7}", ["7"]),
    ],
)
def test_wrong_settings_are_refused_in_one_sentence(
    sqlite_site: Site, text: str, named: list[str]
) -> None:
    more_settings(sqlite_site, text)
    assert_refused(sqlite_site.manage("create_backup", check=False), *named)
    assert not sqlite_site.backups.exists() or not leftovers(sqlite_site.backups)
    check = sqlite_site.manage("check", "--tag", "trustbackup", check=False)
    assert check.returncode == 1
    assert "Traceback" not in check.stderr


def test_a_wrong_password_is_refused(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    wrong = database.cluster.url(database.name, database.user, "wrong")
    site = replace(postgres_site, database_url=wrong)
    result = site.manage("create_backup", check=False)
    assert_refused(result, "'default' was not dumped", "password authentication failed", "PASSWORD")
    assert leftovers(site.backups) == []


def test_a_server_that_is_down_is_refused_and_the_backups_stay_at_hand(
    postgres_site: Site,
) -> None:
    made = make(postgres_site)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        site = replace(
            postgres_site,
            database_url=f"postgres://shop:x@127.0.0.1:{closed.getsockname()[1]}/shop",
        )
        with unchanged(site.backups):
            result = site.manage("create_backup", check=False)
            assert_refused(result, "'default' was not dumped", "refused", "Start the server")
            restore = site.manage("restore_backup", "latest", "--force", check=False)
            assert_refused(restore, "refused")
            assert [item["id"] for item in listed(site)] == [made["id"]]
            shown = site.manage("show_backup", "latest", "--json").json
        assert shown["parts"][0]["tables"]
        assert verify(site, "latest")["ok"]


@contextlib.contextmanager
def silent_server() -> Iterator[int]:
    """Accepts connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(20)
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    "command",
    [
        ["create_backup"],
        ["list_backups", "--json"],
        ["delete_backup", "latest", "--yes", "--last-good-too"],
    ],
    ids=lambda command: command[0],
)
def test_a_silent_server_is_given_up_in_time(postgres_site: Site, command: list[str]) -> None:
    make(postgres_site)
    with silent_server() as port:
        url = f"postgres://shop:x@127.0.0.1:{port}/shop"
        site = replace(postgres_site, database_url=url)
        more_settings(site, "TRUSTBACKUP = {**TRUSTBACKUP, 'CONNECT_TIMEOUT': 2}")
        began = time.monotonic()
        result = site.manage(*command, check=False)
        took = time.monotonic() - began
    assert took < 240
    if command[0] == "create_backup":
        assert_refused(result, "'default' was not dumped", "timeout expired")
    else:
        assert result.returncode == 0, str(result)


def test_a_server_newer_than_the_dumper_is_refused(postgres_site: Site) -> None:
    make(postgres_site)
    script = "print('pg_dump (PostgreSQL) 11.22')"
    use_dumper(postgres_site, python_program(postgres_site.folder / "pg_dump", script))
    with unchanged(postgres_site.backups):
        result = postgres_site.manage("create_backup", check=False)
    assert_refused(result, "pg_dump 11 can't dump this server", "older", "Install")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("harm", "state", "named"),
    [
        (truncate, "damaged", "bytes instead of"),
        (flip, "complete", "corrupt"),
        (Path.unlink, "damaged", "is missing"),
    ],
)
def test_a_harmed_dump_is_not_good_and_not_restored(
    any_site: Site, harm: Callable[[Path], None], state: str, named: str
) -> None:
    made = make(any_site)
    data = Path(made["files"][0]["path"])
    harm(data)
    (entry,) = listed(any_site)
    assert entry["state"] == state
    assert_refused(any_site.manage("verify_backup", "latest", check=False), data.name, named)
    orders = any_site.query("SELECT count(*), sum(total_amount) FROM shop_order")
    restore = any_site.manage("restore_backup", "latest", "--force", check=False)
    assert_refused(restore, made["id"], data.name, named)
    assert any_site.query("SELECT count(*), sum(total_amount) FROM shop_order") == orders


MANIFESTS = {
    "empty": (b"", "not JSON"),
    "not JSON": (b"{", "not JSON"),
    "not UTF-8": (b'{"id": "\xff"}', "not JSON"),
    "a list": (b"[]", "not a JSON object"),
    "a number": (b"7", "not a JSON object"),
    "of a future schema": (b'{"schema": 99}', "schema 99"),
    "of a far future": (b'{"schema": 1e999}', "not valid"),
    "a bare object": (b"{}", "not valid"),
    "deep": (b"[" * 100_000, "not JSON"),
}


def test_manifests_that_cannot_be_read_are_listed_with_their_sentence(sqlite_site: Site) -> None:
    good = make(sqlite_site)
    names = {f"2026-01-01_00-00-{number:02}": what for number, what in enumerate(MANIFESTS)}
    for identifier, what in names.items():
        path = sqlite_site.backups / f"backup_{identifier}.manifest.json"
        path.write_bytes(MANIFESTS[what][0])
    before = snapshot(sqlite_site.backups)
    verbs = (["verify_backup"], ["restore_backup", "--force"], ["show_backup"])
    commands = [[*action, identifier] for identifier in names for action in verbs]
    listing, human, *ends = run_all(
        sqlite_site, [["list_backups", "--json"], ["list_backups"], *commands]
    )
    found = {item["id"]: item for item in listing.json}
    assert found[good["id"]]["state"] == "complete"
    for number, (identifier, what) in enumerate(names.items()):
        named = (f"backup_{identifier}.manifest.json", MANIFESTS[what][1])
        verified, restored, shown = ends[3 * number : 3 * number + 3]
        assert found[identifier]["state"] == "unreadable"
        assert_refused(verified, *named)
        assert_refused(restored, *named)
        for text in (found[identifier]["problem"], shown.stdout, human.stdout):
            assert all(word in text for word in named), what
    assert snapshot(sqlite_site.backups) == before


HOSTILE = {
    "huge sizes": {"bytes": 10**30},
    "huge rows": {"tables": [{"schema": "", "name": "t", "rows": 10**40}]},
    "a surrogate": {"database": "\ud800"},
}
TOP = {
    "a NUL in its name": {"name": "a\0b"},
    "a long name": {"name": "n" * 5000},
    "a surrogate in its name": {"name": "\ud800"},
    "a time before all time": {"created": "0001-01-01T00:00:00+23:59"},
    "a time after all time": {"finished": "9999-12-31T23:59:59-23:59"},
    "a finish before its start": {"finished": "0001-01-01T00:00:00Z"},
    "terminal commands in its name": {"name": "\x1b]0;owned\x07\x1b[2J"},
    "a long host": {"host": "h" * 100_000},
}


def test_hostile_manifests_do_not_spoil_the_others(any_site: Site) -> None:
    good = make(any_site)
    names = {f"2026-01-01_00-00-{n:02}": what for n, what in enumerate([*HOSTILE, *TOP])}
    for identifier, what in names.items():
        document = json.loads(Path(good["manifest"]).read_bytes())
        document["id"] = identifier
        document["parts"][0]["file"] = f"backup_{identifier}.dump.gz"
        document["parts"][0].update(HOSTILE.get(what, {}))
        document.update(TOP.get(what, {}))
        path = any_site.backups / f"backup_{identifier}.manifest.json"
        path.write_text(json.dumps(document))
    verbs = (["verify_backup"], ["restore_backup", "--force"], ["show_backup"])
    commands = [[*action, identifier] for identifier in names for action in verbs]
    first, again, human, verified, *ends, rescanned, deleted = run_all(
        any_site,
        [
            ["list_backups", "--json"],
            ["list_backups", "--json"],
            ["list_backups"],
            ["verify_backup", "all", "--json"],
            *commands,
            ["rescan_backups", "--json"],
            ["delete_backup", *names, "--yes"],
        ],
    )
    for listing in (first, again):
        found = {item["id"]: item for item in listing.json}
        assert found[good["id"]]["state"] == "complete"
        for identifier, what in names.items():
            assert found[identifier]["state"] in ("damaged", "unreadable"), what
    assert good["id"] in human.stdout
    good_ones = [item["id"] for item in verified.json["backups"] if item["ok"]]
    assert good_ones == [good["id"]]
    for number in range(len(names)):
        assert_refused(ends[3 * number])
        assert_refused(ends[3 * number + 1])
        assert ends[3 * number + 2].returncode == 0, str(ends[3 * number + 2])
    for end in (human, *ends):
        assert "\x1b" not in end.stdout + end.stderr
    assert rescanned.json["states"]["complete"] == 1
    assert deleted.returncode == 0, str(deleted)
    assert [item["id"] for item in listed(any_site)] == [good["id"]]
