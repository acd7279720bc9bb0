"""The files of a backup on the pages: looked through, downloaded, put back one by one."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.support.media import Snapshot, snapshot
from trustbackup.contents.media.browse import path_as_text
from trustbackup.models import AuditEvent, Run
from trustbackup.operations.backup.create import create_backup
from trustbackup.operations.context import Context
from trustbackup.store.manifest import Manifest

ODD = os.fsdecode(b"not \xff UTF-8 <b>")


@pytest.fixture
def media(tmp_path: Path, settings: Any) -> Path:
    root = tmp_path / "media"
    (root / "products" / "deep").mkdir(parents=True)
    settings.MEDIA_ROOT = str(root)
    (root / "products" / "cup.txt").write_text("cup" * 1000)
    (root / "products" / "deep" / "plate.txt").write_text("plate")
    (root / "products" / "link").symlink_to("/etc/hostname")
    (root / ODD).write_text("odd")
    (root / "large").write_bytes(os.urandom(3 << 20))
    return root


@pytest.fixture(params=[False, True], ids=["archive", "objects"])
def made(request: pytest.FixtureRequest, folder: Path, media: Path, db: None) -> Manifest:
    """Their backup, in each form."""
    return create_backup(kind="media", incremental=request.param)


def address(made: Manifest, page: str, path: str = "", **more: str) -> str:
    query = urlencode({"part": "media", "path": path_as_text(path), **more})
    return f"/settings/backups/backup/{made.id}/{page}/?{query}"


def text_of(client: Client, where: str, status: int = 200) -> str:
    answer = client.get(where)
    assert answer.status_code == status
    return answer.content.decode()


def downloaded(client: Client, where: str) -> bytes:
    answer = client.get(where)
    assert answer.status_code == 200
    content = answer.getvalue()
    answer.close()
    return bytes(content)


def test_folders_are_looked_through(operator: Client, made: Manifest) -> None:
    files = f"/settings/backups/backup/{made.id}/files/"
    assert files in text_of(operator, f"/settings/backups/backup/{made.id}/")
    root = text_of(operator, files)
    assert "products/</a>" in root
    assert "not \\xff UTF-8 &lt;b&gt;" in root
    assert "cup.txt" not in root
    assert "5 files, 3.0" in root
    inside = text_of(operator, address(made, "files", "products"))
    assert "cup.txt" in inside
    assert "(a link)" in inside
    assert "plate.txt" not in inside
    found = text_of(operator, address(made, "files", text="PLATE"))
    assert "products/deep/plate.txt" in found
    assert "1 found." in found
    for path in ("none", "products/cup.txt", "../media"):
        assert "has nothing at" in text_of(operator, address(made, "files", path), 404)
    assert "has no part" in text_of(operator, address(made, "files") + "&part=other", 404)


def test_a_file_is_downloaded_and_a_folder_as_a_zip(
    operator: Client, made: Manifest, media: Path, transactional_db: None
) -> None:
    for path in ("products/cup.txt", ODD, "large"):
        content = downloaded(operator, address(made, "files/download", path))
        assert content == (media / path).read_bytes()
    assert AuditEvent.objects.filter(action="download").count() == 3
    assert AuditEvent.objects.filter(target=f"{made.id} media/large").exists()
    answer = downloaded(operator, address(made, "files/download", "products"))
    with zipfile.ZipFile(io.BytesIO(answer)) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == ["cup.txt", "deep/", "deep/plate.txt", "link"]
        assert archive.read("deep/plate.txt") == b"plate"
    everything = downloaded(operator, address(made, "files/download"))
    with zipfile.ZipFile(io.BytesIO(everything)) as archive:
        assert archive.read("large") == (media / "large").read_bytes()
    assert "it is a link" in text_of(
        operator, address(made, "files/download", "products/link"), 409
    )
    assert "has nothing at" in text_of(operator, address(made, "files/download", "none"), 404)


def test_a_damaged_file_is_a_sentence_and_no_download(
    operator: Client, made: Manifest, media: Path
) -> None:
    folder = Context.current().settings.backup_dir
    for path in [*folder.glob("*.tar.gz"), *folder.glob("objects/backup_object_*")]:
        content = path.read_bytes()
        path.write_bytes(content.replace(b"cupcup", b"cuqcuq") if b"cupcup" in content else b"")
    for path in ("products/cup.txt", "products"):
        answer = operator.get(address(made, "files/download", path))
        assert answer.status_code == 409
    assert not AuditEvent.objects.filter(action="download").exists()


def put_back(client: Client, where: str, overwrite: str) -> Run:
    Run.objects.all().delete()
    answer = client.post(where, {"overwrite": overwrite, "password": "a password"})
    assert answer.status_code == 302, answer.content.decode()
    return Run.objects.get()


def test_one_file_or_folder_is_put_back(
    operator: Client, made: Manifest, media: Path, runs_at_once: None
) -> None:
    then = snapshot(media)
    cup, plate = media / "products" / "cup.txt", media / "products" / "deep" / "plate.txt"
    cup.write_text("another")
    plate.unlink()
    (media / ODD).unlink()
    os.utime(cup, (2_000_000_000, 2_000_000_000))
    where = address(made, "files/put-back", "products")
    seen = text_of(operator, where)
    for text in ("3 files", "(1 file put back)", "(3 files put back)"):
        assert text in seen
    wrong = operator.post(where, {"overwrite": "older", "password": "b"})
    assert wrong.status_code == 422
    assert not Run.objects.exists()
    run = put_back(operator, where, "older")
    assert run.state == Run.State.SUCCEEDED, run.error
    assert (plate.read_text(), cup.read_text()) == ("plate", "another")
    page = text_of(operator, f"/settings/backups/runs/{run.pk}/")
    assert "media: 1 file put back" in page
    run = put_back(operator, address(made, "files/put-back", "products/cup.txt"), "changed")
    (done,) = run.outcome["files"]
    assert (Path(done["replaced"]) / "products" / "cup.txt").read_text() == "another"
    assert f"kept in {done['replaced']}" in text_of(operator, f"/settings/backups/runs/{run.pk}/")
    put_back(operator, address(made, "files/put-back", ODD), "never")
    assert _without_folders(snapshot(media)) == _without_folders(then)


def _without_folders(found: Snapshot) -> Snapshot:
    """A folder's time is that of the last file that came into it."""
    return {path: what for path, what in found.items() if what[0] != "folder"}


def test_what_stands_in_the_way_makes_the_run_partial(
    operator: Client, made: Manifest, media: Path, runs_at_once: None
) -> None:
    (media / "products" / "cup.txt").unlink()
    (media / "products" / "cup.txt").mkdir()
    where = address(made, "files/put-back", "products")
    assert "a folder is in its place" in text_of(operator, where)
    run = put_back(operator, where, "always")
    assert run.state == Run.State.PARTIAL
    assert "there is a folder in its place" in run.error
    assert "has nothing at" in text_of(operator, address(made, "files/put-back", "none"))


def test_of_another_sites_backup_nothing_is_read(
    operator: Client, made: Manifest, settings: Any
) -> None:
    settings.SECRET_KEY = "another key of another site"
    operator.force_login(User.objects.get())
    assert "can&#x27;t be shown" in text_of(operator, address(made, "files"), 409)
    assert operator.get(address(made, "files/download", "large")).status_code == 409
    assert 'name="password"' not in text_of(operator, address(made, "files/put-back", "large"))


def test_many_files_come_a_page_at_a_time(operator: Client, folder: Path, media: Path) -> None:
    for number in range(250):
        (media / "products" / f"{number:03}.txt").touch()
    made = create_backup(kind="media", incremental=True)
    first = text_of(operator, address(made, "files", "products"))
    assert ("099.txt" in first, "100.txt" in first) == (True, False)
    assert "Page 1 of 3" in first
    assert "path=products&amp;page=2" in first
    last = text_of(operator, address(made, "files", "products") + "&page=99")
    assert ("249.txt" in last, "199.txt" in last) == (True, False)
    assert "099.txt" in text_of(operator, address(made, "files", "products") + "&page=x")
