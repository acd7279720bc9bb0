"""Uploaded files on the pages: made, shown, drilled, never offered as a database."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.support.media import snapshot
from trustbackup.exceptions import BackupNotFound, RestoreError
from trustbackup.models import Backup, Run
from trustbackup.operations.backup.create import create_backup
from trustbackup.operations.context import Context
from trustbackup.operations.health import site_health
from trustbackup.operations.restore.media_plan import MediaRequest, plan_media_restore
from trustbackup.operations.restore.media_restore import restore_media
from trustbackup.store import catalog
from trustbackup.store.manifest import Manifest
from trustbackup.views.forms import CreateForm

PAGES = "/settings/backups/"


@pytest.fixture
def media(tmp_path: Path, settings: Any) -> Path:
    """The site's uploaded files, one of which is a pipe."""
    root = tmp_path / "media"
    root.mkdir()
    settings.MEDIA_ROOT = str(root)
    (root / "cup.txt").write_text("cup" * 1000)
    os.mkfifo(root / "<b>pipe")
    return root


@pytest.fixture
def made(folder: Path, media: Path, db: None) -> Manifest:
    """Their backup."""
    return create_backup(kind="media")


def test_a_backup_of_uploaded_files_is_shown_and_how_it_is_restored(
    operator: Client, made: Manifest
) -> None:
    assert "media" in operator.get(PAGES).content.decode()
    page = operator.get(f"{PAGES}backup/{made.id}/").content.decode()
    assert f"manage.py restore_backup {made.id} --only-missing" in page
    assert "| tar -xf - -C" in page
    assert "1 file, 2.9" in page
    assert "special: &lt;b&gt;pipe" in page
    assert "1 pipe, socket or device" in page
    assert ">Restore…</a>" in page
    assert ">Drill</button>" in page
    seen = operator.get(f"{PAGES}backup/{made.id}/restore/")
    assert seen.status_code == 200
    assert f"manage.py restore_backup {made.id} --path PATH" in seen.content.decode()


def test_the_page_of_files_in_objects_prints_no_command_that_cant_restore_them(
    operator: Client, folder: Path, media: Path
) -> None:
    made = create_backup(kind="media", incremental=True)
    page = operator.get(f"{PAGES}backup/{made.id}/").content.decode()
    assert "sha256sum -c" in page
    assert "tar -xf" not in page
    assert "lie in objects" in page


def test_the_page_restores_uploaded_files_alone(
    operator: Client, made: Manifest, media: Path, runs_at_once: None
) -> None:
    then = snapshot(media)
    (media / "cup.txt").write_text("another")
    (media / "later").write_text("later")
    now = snapshot(media)
    path = f"{PAGES}backup/{made.id}/restore/"
    seen = operator.get(path).content.decode()
    assert "The database stays as it is." in seen
    assert f">{media}</th>" in seen
    assert "Replace the uploaded files" in seen
    wrong = operator.post(path, {"typed": "db", "password": "a password"})
    assert wrong.status_code == 422
    assert "This is not the name of the folder." in wrong.content.decode()
    assert operator.post(path, {"typed": "media", "password": "b"}).status_code == 422
    assert not Run.objects.exists()
    assert snapshot(media) == now
    assert operator.post(path, {"typed": "media", "password": "a password"}).status_code == 302
    run = Run.objects.get()
    assert run.state == Run.State.SUCCEEDED, run.error
    del then[b"<b>pipe"]
    assert snapshot(media) == then
    assert "the previous folder is still there" in operator.get(PAGES).content.decode()


def test_a_damaged_archive_is_said_on_the_page_and_nothing_is_asked(
    operator: Client, made: Manifest, media: Path
) -> None:
    path = Context.current().settings.backup_dir / made.parts[0].file
    path.write_bytes(path.read_bytes()[:-1])
    answer = operator.get(f"{PAGES}backup/{made.id}/restore/")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert made.parts[0].file in page
    assert 'name="typed"' not in page


def test_a_first_look_reads_no_archive(made: Manifest, media: Path) -> None:
    path = Context.current().settings.backup_dir / made.parts[0].file
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    looked = plan_media_restore(made.id, MediaRequest(), hashes=False)
    assert (looked.refusals, looked.folders[0].changes.same) == ((), 1)
    with pytest.raises(RestoreError, match="is corrupt"):
        plan_media_restore(made.id, MediaRequest())


@pytest.mark.parametrize("form", ["archive", "objects"])
def test_the_page_makes_one_and_drills_it(
    operator: Client, folder: Path, media: Path, runs_at_once: None, form: str
) -> None:
    options = {"create_backup": "1", "type": "media", "databases": "default"}
    if form == "objects":
        options["incremental"] = "on"
    assert operator.post(PAGES, options).status_code == 302
    run = Run.objects.get()
    assert run.state == Run.State.SUCCEEDED, run.error
    catalog.synchronise(Context.current().folder)
    backup = Backup.objects.get()
    assert (backup.kind, backup.aliases) == ("media", ["media/"])
    assert (folder / "objects").exists() is (form == "objects")
    # What can't be whole in a bundle is not offered as one.
    page = operator.get(f"{PAGES}backup/{backup.identifier}/").content.decode()
    assert ("Download zip" in page) is (form == "archive")
    operator.post(f"{PAGES}act/drill/", {"selected": backup.identifier})
    drill = Run.objects.exclude(pk=run.pk).get()
    assert drill.state == Run.State.SUCCEEDED, drill.error
    catalog.synchronise(Context.current().folder)
    backup.refresh_from_db()
    assert backup.drilled_ok is True


def test_uploaded_files_protect_no_site(made: Manifest) -> None:
    store = Context.current().folder
    catalog.synchronise(store)
    assert "no backup" in site_health(datetime.now(UTC)).sentence
    with pytest.raises(BackupNotFound):
        store.find("latest")


def test_the_page_undoes_a_restore_of_uploaded_files(
    operator: Client, made: Manifest, media: Path, runs_at_once: None
) -> None:
    (media / "cup.txt").unlink()
    now = snapshot(media)
    restore_media(plan_media_restore(made.id, MediaRequest()))
    assert snapshot(media) != now
    assert "the previous folder is still there" in operator.get(PAGES).content.decode()
    restore = Context.current().journal.find()[0].restore
    asked = operator.post(f"{PAGES}undo/", {"restore": restore}).content.decode()
    assert "becomes the live folder again" in asked
    assert "signed out" not in asked
    confirmed = {"restore": restore, "typed": "media", "password": "a password"}
    assert operator.post(f"{PAGES}undo/", confirmed).status_code == 302
    run = Run.objects.get()
    assert run.state == Run.State.SUCCEEDED, run.error
    assert snapshot(media) == now


def test_what_holds_no_uploaded_files_is_never_asked_for_incrementally() -> None:
    for kind, expected in (("database", False), ("settings", False), ("full", True)):
        form = CreateForm({"type": kind, "incremental": "on"})
        assert form.is_valid()
        assert form.options()["incremental"] is expected
