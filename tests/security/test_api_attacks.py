"""What strangers may try through the API: secrets that show (5), hostile names (18)."""

from __future__ import annotations

import io
import logging
import tarfile
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps

from tests.integration.test_api_destinations import NEW
from tests.support.api import RIGHTS, ROOT, SCOPES, Caller, caller, robot
from trustbackup.models import AccessToken, AuditEvent, Destination, DownloadLink, Run
from trustbackup.operations.access_tokens import make_token
from trustbackup.operations.backup.create import create_backup
from trustbackup.store import names

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("runs_at_once")]

PASSWORD = "the canary that no log may sing"
ANOTHER = "the second canary, of an account"
HOSTILE = (
    "..\\backup_2026-11-20_02-15-33.manifest.json",
    "backup_2026-11-20_02-15-33\n.manifest.json",
    "<img src=x onerror=alert(1)>.manifest.json",
    "-rf.manifest.json",
    "backup_..manifest.json",
    "backup_2026-11-20_02-15-33.manifest.json;id",
)


@pytest.fixture(autouse=True)
def uploaded(folder: Path, tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "a.txt").write_text("a")


def what_is_there(place: Path) -> list[Path]:
    """But for the folders that the app makes for itself."""
    own = (".drafts", ".restores")
    return sorted(path for path in place.rglob("*") if not any(name in str(path) for name in own))


def everything_kept(folder: Path) -> str:
    """Every row of every table of the site, and every file of the backup folder."""
    rows = [str(list(model._base_manager.values())) for model in apps.get_models()]
    files = [path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file()]
    return "\n".join([*rows, *files])


def test_attack_5_no_secret_shows_in_a_log_a_row_a_file_or_the_audit_trail(
    folder: Path, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    made = create_backup(kind="media").id
    user = robot(*RIGHTS)
    token, _row = make_token("canary", user.get_username(), SCOPES)
    by, said = Caller(token), []

    def call(method: str, path: str, body: Any = None, **headers: str) -> Any:
        status, value, answer = by.call(method, path, body, **headers)
        assert status < 500, answer.content
        said.append(str(value))
        return value

    secrets = {"password": PASSWORD}
    call("POST", "destinations/", {**NEW, "secrets": secrets})
    call("POST", "destinations/", {**NEW, "secrets": secrets})
    call("GET", "destinations/far/")
    call("PATCH", "destinations/far/", {"options": {"port": 1}, "secrets": secrets})
    call("PATCH", "destinations/far/", {"options": {"port": PASSWORD}, "secrets": secrets})
    call("POST", "destinations/far/test/?wait=30", **{"Idempotency-Key": "test"})
    url = call("POST", f"backups/{made}/links/", {"part": "media"})["url"]
    said.clear()  # a link is told once
    confirmed = {"confirm": "media", "password": ANOTHER}
    for _time in range(2):
        call("POST", f"backups/{made}/restore/?wait=30", confirmed, **{"Idempotency-Key": "back"})
    call("POST", f"backups/{made}/restore/", {**confirmed, "strategy": 7})
    status, _value, answer = Caller().call("GET", url.removeprefix("http://testserver"))
    assert (status, len(b"".join(answer)) > 0) == (200, True)
    assert Caller(token[:-1]).call("GET", "backups/")[0] == 401
    assert AuditEvent.objects.filter(action="API call").exists()
    assert Run.objects.filter(action="restore", state="succeeded").count() == 1
    assert DownloadLink.objects.get().used
    kept = everything_kept(folder)
    assert "canary" in kept  # what is looked through is what there is
    for name, secret in {
        "token": token,
        "a password of a destination": PASSWORD,
        "a password of an account": ANOTHER,
        "a link": url.rstrip("/").rpartition("/")[2],
    }.items():
        for where, text in (("kept", kept), ("logged", caplog.text), ("said", "".join(said))):
            assert secret not in text, f"{name} is {where}"


def test_attack_18_hostile_names_at_a_destination_are_nothing_to_the_api(
    folder: Path, tmp_path: Path
) -> None:
    place = tmp_path / "nas"
    place.mkdir(mode=0o700)
    options = {"path": str(place)}
    Destination.objects.create(name="nas", kind="folder", options=options, automatic=False)
    made = create_backup(kind="media").id
    by = caller()
    assert by.call("POST", "sync/?wait=30", {})[0] == 200
    for name in HOSTILE:
        (place / name).write_bytes(b"{}")
    before = what_is_there(tmp_path)
    status, run, _answer = by.call("POST", "sync/?wait=30", {"pull": True})
    assert (status, run["state"]) == (200, "succeeded"), run
    assert [each["id"] for each in by.get("backups/")["results"]] == [made]
    assert what_is_there(tmp_path) == before
    assert not any(name in str(by.get("runs/")) for name in HOSTILE)


def test_attack_18_hostile_names_that_are_sent_lead_nowhere(folder: Path, tmp_path: Path) -> None:
    made = create_backup(kind="media").id
    by = caller()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in ("../outside", "/tmp/outside", *HOSTILE):
            tar.addfile(tarfile.TarInfo(name))
    before = what_is_there(tmp_path)
    for name in ("../../outside.tar", "<script>.tar", "-rf.tar", "a%0Ab.tar", "x.tar"):
        answer = by.client.post(
            f"{ROOT}upload/?name={name}&wait=30",
            packed.getvalue(),
            "application/octet-stream",
            headers=by.headers,
        )
        assert answer.status_code in (400, 409), name
    for name in (*HOSTILE, "..", "../etc/passwd", "%2e%2e%2f", "-rf"):
        quoted = name.replace("\n", "%0A").replace("/", "%2f").replace(";", "%3b")
        assert by.call("GET", f"backups/{quoted}/")[0] == 404, name
        assert by.call("GET", f"backups/{made}/files/{quoted}/")[0] == 404, name
        assert by.call("POST", "bundle/", {"backups": [name]})[0] in (400, 404), name
        if name == "-rf":
            continue  # is a name that a destination may have on the page, too
        body = {"name": name, "kind": "folder", "options": {"path": str(tmp_path / "new")}}
        assert by.call("POST", "destinations/", body)[0] == 400, name
    assert before == what_is_there(tmp_path)
    assert names.parse(HOSTILE[0]) is None
    assert AccessToken.objects.count() == 1
