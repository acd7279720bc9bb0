"""One app's data on the pages: shown, never as a database, and no protection of a site."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.support.index import BEGIN, backup_folder, put
from tests.support.manifests import MANIFEST, PART
from trustbackup.exceptions import BackupNotFound
from trustbackup.models import Backup
from trustbackup.operations.backup.delete import delete_backups
from trustbackup.operations.health import site_health
from trustbackup.store import catalog, names
from trustbackup.store.folder import BackupFolder
from trustbackup.store.manifest import Table, dump

PAGES = "/settings/backups/"
DATA = b'{"model": "shop.category", "pk": 1, "fields": {"category_name": "a"}}\n'


def put_app(folder: BackupFolder, number: int, label: str = "shop") -> str:
    """A signed backup of an app's data, so many seconds after the year began; its id."""
    moment = BEGIN.replace(second=number)
    identifier, part = names.backup_id(moment), f"app-{label}"
    held = replace(
        PART,
        part=part,
        file=names.part_name(identifier, part, "jsonl", ""),
        bytes=len(DATA),
        raw_bytes=len(DATA),
        sha256=hashlib.sha256(DATA).hexdigest(),
        compression="none",
        format="jsonl",
        engine="",
        database="default",
        tables=(Table(schema="", name="shop_category", rows=1),),
        excluded=(),
        inventory=None,
    )
    found = replace(
        MANIFEST,
        id=identifier,
        kind="app",
        created=moment,
        started=moment,
        finished=moment,
        parts=(held,),
        plan=None,
    )
    folder.root.mkdir(parents=True, exist_ok=True)
    (folder.root / held.file).write_bytes(DATA)
    (folder.root / names.manifest_name(identifier)).write_bytes(dump(found, folder.signer))
    return identifier


def test_the_pages_show_an_apps_data_and_how_it_is_restored(operator: Client, folder: Path) -> None:
    made = put_app(backup_folder(folder), 1)
    shown = operator.get(PAGES).content.decode()
    assert "app-shop" in shown
    page = operator.get(f"{PAGES}backup/{made}/").content.decode()
    command = f"manage.py restore_backup {made} --mode update"
    assert f"{command} --dry-run" in page
    assert "loaddata --format=jsonl --database=default" in page
    assert ">Restore…</a>" in page
    assert ">Drill</button>" not in page
    asked = operator.get(f"{PAGES}backup/{made}/restore/")
    assert asked.status_code == 200
    text = asked.content.decode()
    assert '<th scope="row">Category</th>' in text
    assert "Replace the live database" not in text
    file = names.part_name(made, "app-shop", "jsonl", "")
    got = operator.get(f"{PAGES}download/{file}/")
    assert b"".join(got.streaming_content) == DATA  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_an_apps_data_protects_no_site(folder: Path) -> None:
    store = backup_folder(folder)
    put_app(store, 5)
    catalog.synchronise(store)
    alone = site_health(datetime(2026, 1, 1, 1, tzinfo=UTC))
    assert "no backup" in alone.sentence
    with pytest.raises(BackupNotFound):
        store.find("latest")
    whole = put(store, 2)
    catalog.synchronise(store)
    assert "no backup" not in site_health(datetime(2026, 1, 1, 1, tzinfo=UTC)).sentence
    assert store.find("latest").id == whole
    now = datetime(2026, 1, 2, tzinfo=UTC)
    assert Backup.objects.newest_of_each_plan(now)[""].identifier == whole
    assert [size for _made, size in Backup.objects.sizes(9)] == [1]


@pytest.mark.django_db
def test_each_app_has_a_last_good_one_of_its_own(folder: Path) -> None:
    store = backup_folder(folder)
    old, new, other = put_app(store, 1), put_app(store, 2), put_app(store, 3, "auth")
    catalog.synchronise(store)
    ended: dict[str, Any] = {each.id: each.error for each in delete_backups([old, new, other])}
    assert not ended[old]
    assert ended[new]
    assert ended[other]
