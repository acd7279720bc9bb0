"""Attacks 22 and 23 on an upload: who may not, forged, cut off, crashed; nothing is left."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient, Client

from tests.browser.conftest import PASSWORD, Served, serving
from tests.support.backups import leftovers, wait_for
from tests.support.loops import run_async
from tests.support.sites import Site
from tests.support.uploads import (
    BOUNDARY,
    GOOD,
    ID,
    NAME,
    PAGE,
    Visitor,
    assert_nothing_written,
    assert_refused,
    multipart,
    send,
    sqlite_bytes,
)
from trustbackup.exceptions import Busy, FolderError, TrustbackupError
from trustbackup.operations.transfer.adopt import adopt_received
from trustbackup.store import drafts, durable, staging
from trustbackup.store.folder import BackupFolder
from trustbackup.store.signature import Signer

KIND = f"multipart/form-data; boundary={BOUNDARY}"


@pytest.mark.parametrize("rights", [[], ["view"], ["add"], ["view", "change", "download"]])
def test_attack_22_who_may_not_add_is_refused_before_the_body_is_read(
    client: Client, db: None, folder: Path, rights: list[str]
) -> None:
    user = User.objects.create_user("somebody")
    names = [f"{right}_backup" for right in rights]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    for method in ("get", "post"):
        body = _Untouchable() if method == "post" else None
        extra = {"wsgi.input": body, "CONTENT_LENGTH": "1000"} if body else {}
        response = client.generic(method.upper(), PAGE, b"", KIND, **extra)
        assert response.status_code == 403
    assert not folder.exists()


class _Untouchable:
    def read(self, *_: object) -> bytes:
        raise AssertionError("the body was read")

    readline = read


def test_attack_22_who_is_not_signed_in_goes_to_the_login(client: Client, db: None) -> None:
    extra: dict[str, Any] = {"wsgi.input": _Untouchable(), "CONTENT_LENGTH": "1000"}
    response = client.generic("POST", PAGE, b"", KIND, **extra)
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/login/")


@pytest.mark.parametrize("token", ["", "x" * 64, "\x00"])
def test_attack_23_a_forged_request_leaves_nothing(db: None, folder: Path, token: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("operator"))
    client.get(PAGE)
    sent = {"csrfmiddlewaretoken": token, "complete": "1", "files": SimpleUploadedFile(NAME, GOOD)}
    assert client.post(PAGE, sent).status_code == 403
    assert client.post(PAGE, sent, headers={"origin": "https://evil.example"}).status_code == 403
    assert_nothing_written(folder)


def test_attack_23_the_right_token_is_accepted(db: None, folder: Path) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("operator"))
    token = client.get(PAGE).context["csrf_token"]
    sent = {"csrfmiddlewaretoken": str(token), "complete": "1"}
    files = {"files": SimpleUploadedFile(NAME, GOOD)}
    assert client.post(PAGE, {**sent, **files}).status_code == 302
    assert (folder / NAME).read_bytes() == GOOD


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_attack_22_other_methods(operator: Client, folder: Path, method: str) -> None:
    assert operator.generic(method.upper(), PAGE).status_code == 405


@pytest.mark.parametrize(
    "content_type",
    [KIND, "multipart/form-data", "multipart/form-data; boundary=\xff", "text/plain", "", "x"],
)
@pytest.mark.parametrize("body", [b"", b"nonsense", b"--a-boundary-of-the-tests\r\n\r\n"])
def test_attack_22_odd_bodies_are_no_500(
    operator: Client, folder: Path, content_type: str, body: bytes
) -> None:
    response = operator.generic("POST", PAGE, body, content_type)
    assert response.status_code in (400, 422)
    assert_nothing_written(folder)


def test_too_many_files_are_no_500(operator: Client, folder: Path) -> None:
    body = multipart({"complete": "1"}, [("x", b"x")] * 200)
    assert operator.generic("POST", PAGE, body, KIND).status_code == 400
    assert_nothing_written(folder)


@pytest.mark.parametrize("fraction", [0.2, 0.5, 0.9, 0.995])
def test_a_body_that_ends_early_leaves_nothing(
    operator: Client, folder: Path, fraction: float
) -> None:
    """A dump that is not compressed has no end of its own that could be missed."""
    body = multipart({"complete": "1"}, [("one", GOOD), ("two", sqlite_bytes())])
    response = operator.generic("POST", PAGE, body[: int(len(body) * fraction)], KIND)
    assert_refused(response, folder, "cut off")


def test_a_full_folder_is_a_sentence(
    operator: Client, settings: Any, small_tmpfs: Callable[[int], Path], db: None
) -> None:
    root = small_tmpfs(1 << 20) / "backups"
    settings.TRUSTBACKUP = {"BACKUP_DIR": root}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staging, "room", lambda _root: 1 << 40)  # others fill it meanwhile
        response = send(operator, (NAME, os.urandom(3 << 20)))
    assert response.status_code == 422
    assert "No space left" in response.content.decode()
    assert leftovers(root) == []


@pytest.mark.django_db(transaction=True)
def test_under_asgi(folder: Path) -> None:
    client = AsyncClient()

    async def upload() -> int:
        sent = {"files": SimpleUploadedFile(NAME, GOOD), "complete": "1"}
        response = await client.post(PAGE, sent)
        return int(response.status_code)

    client.force_login(User.objects.create_superuser("operator"))
    assert run_async(upload()) == 302
    assert (folder / NAME).read_bytes() == GOOD


@pytest.fixture
def served(sqlite_site: Site) -> Iterator[Served]:
    with serving(sqlite_site) as found:
        yield found


def test_a_client_that_goes_away_leaves_nothing_and_unfinished_files_are_private(
    served: Served,
) -> None:
    root = served.site.backups
    visitor = Visitor(served.address)
    visitor.log_in("operator", PASSWORD)
    fields = {"csrfmiddlewaretoken": visitor.token(), "complete": "1"}
    body = multipart(fields, [("big.dump", sqlite_bytes() + os.urandom(8 << 20))])
    connection = visitor.connect()
    connection.putrequest("POST", PAGE)
    for name, value in visitor.headers(KIND, **{"Content-Length": str(len(body))}).items():
        connection.putheader(name, value)
    connection.endheaders(body[: 5 << 20])
    wait_for(lambda: list(root.glob(".drafts/upload-*/1/big.dump")))
    modes = {path.stat().st_mode & 0o077 for path in root.rglob("*")}
    assert modes == {0}
    assert connection.sock is not None
    connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()
    wait_for(lambda: not list(root.glob(".drafts/*")))
    assert not list(root.glob("backup_*"))
    status, _, page = visitor.upload(("whole.dump", sqlite_bytes()))
    assert status == 302, page


def test_what_a_crash_left_of_an_upload_is_swept(folder: Path) -> None:
    durable.prepare_root(folder)
    left = folder / ".drafts" / f"{drafts.UPLOAD}0123"
    (left / "1").mkdir(parents=True)
    (left / "1" / NAME).write_bytes(GOOD)
    with staging.begin(folder) as other, staging.begin(folder):
        assert not left.exists()
        assert other.folder.is_dir(), "one that is alive was swept"
    assert leftovers(folder) == []


def test_a_crash_before_data_alone_was_whole_leaves_nothing(
    folder: Path, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two files without a manifest: between their renames nothing is listed."""
    names = [NAME, f"backup_{ID}.analytics.dump.gz"]
    with staging.begin(folder) as box:
        for name in names:
            with box.receive(name) as file:
                file.write(GOOD)
        seen: list[list[str]] = []
        rename = drafts.Draft._rename

        def look(draft: drafts.Draft, name: str) -> None:
            rename(draft, name)
            if len(seen) == 1:
                raise FolderError("The power fails")
            seen.append(list(BackupFolder(folder, Signer(["any"])).scan()))

        monkeypatch.setattr(drafts.Draft, "_rename", look)
        with pytest.raises(TrustbackupError, match="The power fails"):
            adopt_received(box)
    assert seen == [[]]
    assert_nothing_written(folder)


def test_a_crash_after_data_alone_was_whole_keeps_it(folder: Path) -> None:
    durable.prepare_root(folder)
    (folder / ".drafts" / ID).mkdir()  # its journal is gone: everything was in place
    (folder / NAME).write_bytes(GOOD)
    drafts.sweep(folder)
    assert (folder / NAME).read_bytes() == GOOD
    assert leftovers(folder) == []


def test_an_id_that_is_being_made_is_not_taken(folder: Path) -> None:
    with drafts.begin_as(folder, ID), pytest.raises(Busy), drafts.begin_as(folder, ID):
        pass
