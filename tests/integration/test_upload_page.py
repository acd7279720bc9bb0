"""The upload's page itself: its form, its room, and sites that read every form."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.support.backups import leftovers
from tests.support.uploads import PAGE, send, sqlite_bytes

NAME = "backup_2026-11-20_10-00-00.dump.gz"


def visible(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob("*") if not path.name.startswith("."))


@pytest.mark.django_db
def test_the_page_and_its_link(folder: Path, operator: Client) -> None:
    page = operator.get(PAGE).content.decode()
    assert 'type="file"' in page
    assert "multipart/form-data" in page
    assert PAGE in operator.get("/settings/backups/").content.decode()


def test_nothing_chosen_is_a_sentence(folder: Path, operator: Client) -> None:
    response = operator.post(PAGE, {"complete": "1"})
    assert response.status_code == 422
    assert "No file was given" in response.content.decode()


def test_settings_for_uploads_do_not_matter(folder: Path, operator: Client, settings: Any) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1
    settings.FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
    settings.FILE_UPLOAD_TEMP_DIR = "/nowhere/at/all"
    settings.FILE_UPLOAD_PERMISSIONS = 0o666
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert send(operator, (NAME, gzip.compress(sqlite_bytes()))).status_code == 200
    assert (folder / NAME).stat().st_mode & 0o777 == 0o600


def test_a_site_that_reads_every_form_does_not_matter(
    folder: Path, operator: Client, settings: Any
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.reads_every_form"]
    assert send(operator, (NAME, gzip.compress(sqlite_bytes()))).status_code == 200
    assert visible(folder) == [NAME]


def reads_every_form(get_response: Any) -> Any:
    """A site's own middleware."""

    def answer(request: Any) -> Any:
        request.POST.get("anything")
        return get_response(request)

    return answer


def test_what_does_not_fit_is_refused_before_it_is_read(
    folder: Path, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trustbackup.store import staging

    monkeypatch.setattr(staging, "SPARE", 1 << 62)
    response = send(operator, (NAME, gzip.compress(sqlite_bytes())))
    assert response.status_code == 413
    assert "0 bytes of room" in response.content.decode()
    assert visible(folder) == leftovers(folder) == []
