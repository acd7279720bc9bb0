"""Files in and out over the API: links that work once, bundles, uploads."""

from __future__ import annotations

import io
import tarfile
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from tests.support.api import ROOT, Caller, caller, robot
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import AccessToken, AuditEvent, DownloadLink
from trustbackup.operations.access_tokens import revoke_token
from trustbackup.operations.backup.create import create_backup
from trustbackup.operations.download_links import find_link, use_link
from trustbackup.views.base import DOWNLOAD

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("runs_at_once")]
NOBODY = Caller()


@pytest.fixture
def made(folder: Path, tmp_path: Path, settings: Any) -> str:
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "a.txt").write_text("a")
    return create_backup(kind="media").id


def link(by: Caller, made: str, **body: Any) -> str:
    """Its path."""
    status, told, answer = by.call("POST", f"backups/{made}/links/", {"part": "media", **body})
    assert status == 201, answer.content
    assert told["url"].startswith(f"http://testserver{ROOT}links/")
    path: str = told["url"].removeprefix("http://testserver")
    assert path.split("/")[-2] not in str(list(DownloadLink.objects.values_list()))
    return path


def content(answer: Any) -> bytes:
    return b"".join(answer)


def test_a_link_gives_the_whole_file_out_once(made: str, folder: Path) -> None:
    path = link(caller(), made)
    looked = NOBODY.call("HEAD", path)[2]
    assert (looked.status_code, looked["Accept-Ranges"]) == (200, "none")
    looked.close()
    assert not AuditEvent.objects.filter(action="download").exists()
    answer = NOBODY.call("GET", path, Range="bytes=0-3")[2]
    assert answer.status_code == 200
    assert content(answer) == (folder / f"backup_{made}.media.tar.gz").read_bytes()
    assert NOBODY.problem("GET", path) == (410, "link_over")
    assert NOBODY.problem("GET", f"{ROOT}links/{'x' * 43}/") == (404, "link_unknown")
    assert NOBODY.problem("GET", f"{ROOT}links/..%00/") == (404, "link_unknown")
    event = AuditEvent.objects.get(action="download")
    assert (event.actor, event.target) == ("robot", f"backup_{made}.media.tar.gz")
    assert AuditEvent.objects.filter(action="link").count() == 1
    assert not AuditEvent.objects.filter(target__contains="links/" + path[-10:]).exists()


def test_of_two_who_use_a_link_at_once_one_comes_second(made: str) -> None:
    secret = link(caller(), made).split("/")[-2]
    looked = [find_link(secret, "127.0.0.1", DOWNLOAD)[1] for _who in "ab"]
    use_link(looked[0])
    with pytest.raises(TrustbackupError, match="used already"):
        use_link(looked[1])


def test_a_link_asks_a_sites_own_users_as_they_want_it(
    made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some take an object as well, and want it said that there is none."""
    real = User.has_perm
    monkeypatch.setattr(User, "has_perm", lambda user, right, obj: real(user, right, obj))
    status, _value, answer = NOBODY.call("GET", link(caller(), made))
    assert (status, len(content(answer)) > 0) == (200, True)


def test_a_link_is_worth_no_more_than_who_made_it(made: str) -> None:
    by = caller(["download"], ["download"], networks=["127.0.0.0/8"])
    path, another = link(by, made, minutes=1), link(by, made)
    client = Client(REMOTE_ADDR="192.0.2.7")
    assert Caller(client=client).problem("GET", path) == (410, "link_over")
    user = User.objects.get()
    for change in ({"is_active": False}, {"username": "somebody else"}):
        before = {name: getattr(user, name) for name in change}
        User.objects.update(**change)
        assert NOBODY.problem("GET", path) == (410, "link_over"), change
        User.objects.update(**before)
    rights = list(user.user_permissions.all())
    user.user_permissions.clear()
    assert NOBODY.problem("GET", path) == (410, "link_over")
    user.user_permissions.set(rights)
    DownloadLink.objects.filter(expires__lt=timezone.now() + timedelta(minutes=2)).update(
        expires=timezone.now()
    )
    assert NOBODY.problem("GET", path) == (410, "link_over")
    revoke_token(AccessToken.objects.get().name)
    assert NOBODY.problem("GET", another) == (410, "link_over")
    assert DownloadLink.objects.filter(used=None).count() == 2


def test_a_link_is_made_by_who_may_download_and_of_what_there_is(made: str) -> None:
    assert caller(["read", "manage"]).problem(
        "POST", f"backups/{made}/links/", {"part": "media"}
    ) == (403, "scope_missing")
    User.objects.all().delete()
    AccessToken.objects.all().delete()
    by = caller()
    for where, part in ((made, "nothing"), (made, "../etc"), ("..%2f..", "media")):
        found = by.problem("POST", f"backups/{where}/links/", {"part": part})
        assert found == (404, "not_found"), part
    for body in ({}, {"part": "media", "minutes": 61}, {"part": "media", "minutes": 0}):
        assert by.problem("POST", f"backups/{made}/links/", body) == (400, "invalid")
    assert not DownloadLink.objects.exists()


def test_several_backups_go_out_as_one_archive(made: str, folder: Path) -> None:
    other = create_backup(kind="media").id
    by = caller()
    query = f"bundle/?backups={made}&backups={other}"
    zipped = zipfile.ZipFile(io.BytesIO(content(by.call("GET", query)[2])))
    assert zipped.testzip() is None
    body = {"backups": [made, other], "format": "tar.gz"}
    answer = by.call("POST", "bundle/", body)[2]
    assert answer["Content-Type"] == "application/gzip"
    with tarfile.open(fileobj=io.BytesIO(content(answer))) as tar:
        names = tar.getnames()
    assert sorted(names) == sorted(zipped.namelist())
    assert {path.name for path in folder.glob("backup_*")} < set(names)
    assert by.call("HEAD", query)[0] == 200
    assert AuditEvent.objects.filter(action="download").count() == 2
    for wrong in (f"{query}&format=rar", "bundle/"):
        assert by.problem("GET", wrong) == (400, "invalid")
    assert by.problem("POST", "bundle/", {"backups": []}) == (400, "invalid")
    assert by.problem("GET", "bundle/?backups=2020-01-01_00-00-00") == (404, "not_found")


def upload(by: Caller, data: bytes, name: str, wait: str = "30", **sent: Any) -> Any:
    path = f"{ROOT}upload/?name={name}&wait={wait}"
    kind = sent.pop("kind", "application/octet-stream")
    if "length" in sent:  # the client's own would not let a body end early
        body = {"CONTENT_LENGTH": sent["length"], "wsgi.input": io.BytesIO(data)}
        sent = {"CONTENT_TYPE": kind, **body}
    return by.client.post(path, data, kind, headers=by.headers, **sent)


def bundle_of(by: Caller, made: str) -> bytes:
    """The backup as a zip, and no backup any more."""
    data = content(by.call("GET", f"bundle/?backups={made}")[2])
    assert by.call("DELETE", f"backups/{made}/?last_good_too=true")[0] == 204
    return data


def test_a_backup_is_brought_in_as_a_body_and_by_a_form(made: str) -> None:
    by = caller()
    data = bundle_of(by, made)
    answer = upload(by, data, "b.zip")
    assert (answer.status_code, answer.json().get("state")) == (200, "succeeded"), answer.content
    assert answer.json()["backups"] == [made]
    assert by.get(f"backups/{made}/")["state"] == "complete"
    assert by.call("DELETE", f"backups/{made}/?last_good_too=true")[0] == 204
    file = io.BytesIO(data)
    file.name = "b.zip"
    answer = by.client.post(f"{ROOT}upload/?wait=30", {"file": file}, headers=by.headers)
    assert (answer.status_code, answer.json()["backups"]) == (200, [made]), answer.content


def nothing_left(folder: Path) -> bool:
    drafts = folder / ".drafts"
    return not drafts.is_dir() or not any(drafts.iterdir())


def test_what_is_cut_off_or_is_no_backup_leaves_nothing(made: str, folder: Path) -> None:
    by = caller()
    data = bundle_of(by, made)
    short = {"length": str(len(data) + 1)}
    form = b'--x\r\nContent-Disposition: form-data; name="f"; filename="b.zip"\r\n\r\n' + data
    multipart = {"kind": "multipart/form-data; boundary=x"}
    closed = form + b"\r\n--x--\r\n"
    for answer, code in (
        (upload(by, data, "b.zip", **short), (400, "malformed")),
        (upload(by, form, "f", **multipart, length=str(len(closed))), (400, "malformed")),
        (upload(by, b"", "b.zip", length="0"), (409, "refused")),
        (upload(by, b"--x--\r\n", "f", **multipart), (409, "refused")),
        (upload(by, b"", "b.zip", length=""), (411, "length_required")),
        (upload(by, b"{}", "b.zip", kind="application/json"), (415, "unsupported_media_type")),
        (upload(by, b"x", "f", kind="multipart/form-data"), (400, "malformed")),
        (upload(by, b"x", "b.zip", length=str(1 << 60)), (413, "too_large")),
        (upload(by, data[:-30], "b.zip"), (409, "run_failed")),
        (upload(by, bytes(1 << 16), "b.dump.gz"), (409, "run_failed")),
    ):
        assert (answer.status_code, answer.json()["code"]) == code, answer.content
        assert nothing_left(folder), code
    assert by.get("backups/")["count"] == 0


def test_a_session_brings_in_what_its_own_form_sends(made: str, folder: Path) -> None:
    data = bundle_of(caller(), made)
    client = Client(enforce_csrf_checks=True)
    client.force_login(robot("view", "add", name="person"))
    by = Caller(client=client)
    answer = upload(by, data, "b.zip")
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")
    assert nothing_left(folder)
    client.cookies["csrftoken"] = "a" * 32
    by = Caller(client=client, **{"X-CSRFToken": "a" * 32})
    assert upload(by, data, "b.zip").json()["backups"] == [made]
    reader = Client()
    reader.force_login(robot("view", name="reader"))
    answer = upload(Caller(client=reader), data, "b.zip")
    assert (answer.status_code, answer.json()["code"]) == (403, "right_missing")
