"""Times at the edge of what can be told: refused at the door, and listed without a 500."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from tests.support.index import backup_folder
from tests.support.manifests import MANIFEST, PART
from trustbackup.exceptions import ManifestError
from trustbackup.models import Backup
from trustbackup.operations.transfer.adopt import adopt_paths
from trustbackup.store import catalog, names
from trustbackup.store.folder import BackupFolder
from trustbackup.store.manifest import dump

pytestmark = pytest.mark.django_db
EDGES = ["9999-12-31_23-59-59", "0001-01-01_00-00-00", "3000-01-01_00-00-00"]
ZONES = ["Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC", "Asia/Kathmandu"]


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> BackupFolder:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path / "backups"}
    (tmp_path / "backups").mkdir()
    return backup_folder(tmp_path / "backups")


def write(root: Path, identifier: str, secret: str, **changes: Any) -> Path:
    """A manifest and its data under this id; the path of the manifest."""
    part = replace(PART, file=f"backup_{identifier}.dump.gz", bytes=1, raw_bytes=1, tables=())
    made = replace(MANIFEST, id=identifier, parts=(part,), **changes)
    (root / part.file).write_bytes(b"x")
    path = root / names.manifest_name(identifier)
    path.write_bytes(dump(made, backup_folder(root, secret).signer))
    return path


@pytest.mark.parametrize("zone", ZONES)
def test_case_s4_the_list_shows_what_it_cannot_place(
    client: Client, folder: BackupFolder, settings: Any, zone: str
) -> None:
    settings.TIME_ZONE, settings.USE_TZ = zone, True
    last, first = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
    for identifier in EDGES:
        (folder.root / f"backup_{identifier}.dump").write_bytes(b"x")
        write(folder.root, f"{identifier}_2", "a stranger's")
        write(folder.root, f"{identifier}_3", "")
    for number, moment in enumerate((first, last)):
        write(folder.root, f"2026-01-01_00-00-0{number}", "", created=moment)
        write(folder.root, f"2026-01-02_00-00-0{number}", "", started=first, finished=last)
    for number, seconds in enumerate((2**40, -(2**35))):
        odd = folder.root / f"backup_called-{number}.dump"
        odd.write_bytes(b"x")
        os.utime(odd, (seconds, seconds))
    client.force_login(User.objects.create_superuser("operator", password="a password"))
    for query in ("", "?sort=name", "?since=2026-01-01", "?until=0001-01-02", "?since=9999-12-31"):
        assert client.get(f"/settings/backups/{query}").status_code == 200
    assert Backup.objects.count() == 15
    for backup in Backup.objects.all():
        assert names.EARLIEST <= backup.created < names.LATEST
        assert client.get(f"/settings/backups/backup/{backup.identifier}/").status_code == 200
    call_command("list_backups", verbosity=0)
    call_command("list_backups", "--json", verbosity=0)


@pytest.mark.parametrize("identifier", EDGES)
@pytest.mark.parametrize("secret", ["", "a stranger's"])
def test_case_s4_they_are_refused_at_the_door(
    folder: BackupFolder, tmp_path: Path, identifier: str, secret: str
) -> None:
    there = tmp_path / "there"
    there.mkdir()
    given = [
        there / f"backup_{identifier}.dump",
        write(there, "2026-01-01_00-00-00", secret, created=datetime.max.replace(tzinfo=UTC)),
    ]
    given[0].write_bytes(b"PGDMP" + bytes(100))
    for path in given:
        with pytest.raises(ManifestError):
            adopt_paths([str(path)])
    assert list(folder.scan()) == []


def test_case_s4_a_bare_dump_of_the_future_is_refused_by_its_name(
    folder: BackupFolder, tmp_path: Path
) -> None:
    tomorrow = names.backup_id(datetime.now(UTC) + timedelta(days=2))
    dump = tmp_path / f"backup_{tomorrow}.dump"
    dump.write_bytes(sqlite())
    with pytest.raises(ManifestError, match="no backup was made at the time that its name tells"):
        adopt_paths([str(dump)])
    dump = dump.rename(tmp_path / "mine.dump")
    assert adopt_paths([str(dump)])[0].new


def sqlite() -> bytes:
    import sqlite3

    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE django_migrations (id INTEGER)")
        return database.serialize()


def test_a_row_that_an_earlier_version_made_is_made_anew(
    folder: BackupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.root / "backup_9999-12-31_23-59-59.dump").write_bytes(b"x")
    with monkeypatch.context() as patch:
        patch.setattr("trustbackup.store.backup_files._READING", "1")
        catalog.synchronise(folder)
    Backup.objects.update(created=datetime.max.replace(tzinfo=UTC))
    catalog.synchronise(folder)
    assert Backup.objects.get().created < names.LATEST
