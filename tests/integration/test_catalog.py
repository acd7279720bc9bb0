"""The catalogue: the folder is the truth, whatever was done to it by hand."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support.backups import listed, make, run_all
from tests.support.manifests import MANIFEST, PART
from tests.support.sites import Site
from trustbackup.models import Backup
from trustbackup.store import catalog, names
from trustbackup.store.folder import BackupFolder
from trustbackup.store.manifest import dump
from trustbackup.store.signature import Signer

SIGNER = Signer(["a secret"])


def put(root: Path, number: int, *, data: bytes = b"x") -> str:
    """A small signed backup of that many seconds after the year began; its id."""
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    identifier = names.backup_id(moment)
    part = replace(PART, file=f"backup_{identifier}.dump.gz", bytes=len(data), tables=())
    found = replace(MANIFEST, id=identifier, created=moment, parts=(part,))
    root.mkdir(exist_ok=True)
    (root / part.file).write_bytes(data)
    (root / names.manifest_name(identifier)).write_bytes(dump(found, SIGNER))
    return identifier


def states(root: Path) -> dict[str, str]:
    return {row.identifier: row.state for row in catalog.list_backups(BackupFolder(root, SIGNER))}


@pytest.mark.django_db
def test_what_is_done_by_hand_is_seen_at_once(tmp_path: Path) -> None:
    root = tmp_path / "backups"
    assert states(root) == {}
    one, two = put(root, 1), put(root, 2)
    assert states(root) == {two: "complete", one: "complete"}
    data, manifest = root / f"backup_{one}.dump.gz", root / names.manifest_name(one)
    data.write_bytes(b"")
    assert states(root)[one] == "damaged"
    data.write_bytes(b"x")
    assert states(root)[one] == "complete"
    data.unlink()
    assert states(root)[one] == "damaged"
    data.write_bytes(b"x")
    content = manifest.read_bytes()
    manifest.unlink()
    assert states(root)[one] == "unverified"
    manifest.write_bytes(content[:-20])
    assert states(root)[one] == "unreadable"
    manifest.write_bytes(content)
    assert states(root)[one] == "complete"
    for path in (manifest, data):
        path.rename(tmp_path / path.name)
    assert states(root) == {two: "complete"}
    assert Backup.objects.count() == 1


@pytest.mark.django_db
def test_the_rows_are_made_anew_from_the_folder(tmp_path: Path) -> None:
    root = tmp_path / "backups"
    ids = [put(root, number) for number in range(5)]
    catalog.list_backups(BackupFolder(root, SIGNER))
    Backup.objects.all().delete()
    assert set(states(root)) == set(ids)
    Backup.objects.update(state="unreadable", problem="a lie", bytes=7)
    catalog.synchronise(BackupFolder(root, SIGNER), afresh=True)
    assert set(states(root).values()) == {"complete"}
    assert Backup.objects.filter(problem="", bytes=1).count() == 5


@pytest.mark.django_db
def test_a_manifest_under_another_name_is_unreadable_and_says_so(tmp_path: Path) -> None:
    one = put(tmp_path, 1)
    other = "2026-05-05_05-05-05"
    shutil.copy(tmp_path / names.manifest_name(one), tmp_path / names.manifest_name(other))
    (row,) = [
        row
        for row in catalog.list_backups(BackupFolder(tmp_path, SIGNER))
        if row.identifier == other
    ]
    assert row.state == "unreadable"
    assert one in row.problem
    assert names.manifest_name(other) in row.problem


@pytest.mark.django_db
def test_it_is_newest_first_within_one_second_too(tmp_path: Path) -> None:
    for name in ("_10", "_2", ""):
        (tmp_path / f"backup_2026-01-01_00-00-00{name}.dump.gz").write_bytes(b"x")
    found = [row.identifier[19:] for row in catalog.list_backups(BackupFolder(tmp_path, SIGNER))]
    assert found == ["_10", "_2", ""]


@pytest.mark.django_db
def test_it_can_be_filtered(tmp_path: Path) -> None:
    one = put(tmp_path, 1)
    (tmp_path / "backup_by-hand.dump.gz").write_bytes(b"x")
    found = catalog.list_backups(
        BackupFolder(tmp_path, SIGNER), kind="database", database="default"
    )
    assert [row.identifier for row in found] == [one]
    assert list(catalog.list_backups(BackupFolder(tmp_path, SIGNER), database="defaul")) == []
    assert list(catalog.list_backups(BackupFolder(tmp_path, SIGNER), kind="media")) == []


@pytest.mark.django_db
def test_ten_thousand_backups_take_a_constant_number_of_queries(tmp_path: Path) -> None:
    root = tmp_path / "backups"
    put(root, 0)
    catalog.list_backups(BackupFolder(root, SIGNER))
    with CaptureQueriesContext(connection) as few:
        catalog.list_backups(BackupFolder(root, SIGNER))
    # Every one a name of its own; most are dumps alone, which cost no signature here.
    for number in range(1, 10_000):
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
        (root / f"backup_{names.backup_id(moment)}.dump.gz").touch()
    with CaptureQueriesContext(connection) as first:
        assert len(catalog.list_backups(BackupFolder(root, SIGNER))) == 10_000
    with CaptureQueriesContext(connection) as again:
        assert len(catalog.list_backups(BackupFolder(root, SIGNER))) == 10_000
    assert len(again) == len(few)
    assert len(first) < 1000


def test_it_lists_without_a_table(tmp_path: Path) -> None:
    site = Site(tmp_path / "site", f"sqlite:///{tmp_path / 'site' / 'db.sqlite3'}")
    site.backups.mkdir()
    identifier = put(site.backups, 1)
    found = listed(site)
    assert [item["id"] for item in found] == [identifier]
    assert found[0]["signature"] == "unknown"


@pytest.mark.parametrize(
    "url",
    [
        "postgres://shop:x@127.0.0.1:1/shop",
        "sqlite:////nowhere/at/all/db.sqlite3",
        "sqlite:////dev/null",
    ],
)
def test_it_lists_shows_and_verifies_without_any_database(tmp_path: Path, url: str) -> None:
    site = Site(tmp_path / "site", url)
    identifier = put(site.backups, 1)
    listing, shown, verified, rescanned = run_all(
        site,
        [
            ["list_backups", "--json"],
            ["show_backup", identifier, "--json"],
            ["verify_backup", identifier, "--json"],
            ["rescan_backups", "--json"],
        ],
    )
    assert [item["id"] for item in listing.json] == [identifier]
    assert shown.json["id"] == identifier
    assert "signed by an unknown key" in verified.json["problems"][0]
    assert rescanned.json["backups"] == 1
    assert listing.returncode == shown.returncode == rescanned.returncode == 0


def test_the_index_does_not_remember_a_database_that_was_restored(any_site: Site) -> None:
    first = make(any_site)
    second = make(any_site)
    any_site.manage("restore_backup", first["id"], "--force")
    assert [item["id"] for item in listed(any_site)] == [second["id"], first["id"]]
    rows = any_site.query("SELECT identifier FROM trustbackup_backup ORDER BY identifier")
    assert rows == [(first["id"],), (second["id"],)]


def test_it_is_the_same_after_the_rows_were_spoiled(any_site: Site) -> None:
    make(any_site, "--keep", "--name", "kept")
    any_site.manage("verify_backup", "all")
    before = listed(any_site)
    any_site.query("DELETE FROM trustbackup_backup")
    assert listed(any_site) == before
    any_site.query("DROP TABLE trustbackup_backup")
    assert listed(any_site) == before
    assert json.dumps(before).count('"protected": true') == 1
