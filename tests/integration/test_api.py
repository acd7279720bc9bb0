"""The API, in one process: what it lists, starts, changes and refuses."""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from scripts import describe_api
from tests.support.api import ROOT, Caller, caller, robot
from trustbackup.models import AuditEvent, Backup, ClaimedKey, Copy, Destination, Run
from trustbackup.operations.access_tokens import make_token
from trustbackup.store import catalog, names

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("runs_at_once")]


FILES = {"kind": "media"}
"""The tests' database is in no file and can't be backed up; the uploaded files can."""


@pytest.fixture(autouse=True)
def uploaded(folder: Path, tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "a.txt").write_text("a")


def make(by: Caller, **body: Any) -> dict[str, Any]:
    """A backup that is over when the answer comes."""
    asked = {**FILES, **body}
    status, run, answer = by.call("POST", "backups/?wait=30", asked)
    assert status == 201, answer.content
    assert run["state"] == "succeeded"
    found: dict[str, Any] = run
    return found


def test_a_backup_is_made_listed_checked_protected_downloaded_and_deleted(folder: Path) -> None:
    by = caller()
    run = make(by, name="before deploy")
    where = f"backups/{run['backup']}/"
    listed = by.get("backups/?text=deploy")
    assert [each["id"] for each in listed["results"]] == [run["backup"]]
    assert (listed["count"], listed["next"]) == (1, None)
    status, detail, answer = by.call("GET", where)
    assert (detail["name"], detail["kind"], detail["state"]) == (
        "before deploy",
        "media",
        "complete",
    )
    status, checked, _answer = by.call("POST", f"{where}verify/?wait=30", {})
    assert (status, checked["action"], checked["state"]) == (200, "verify", "succeeded")
    assert by.problem("PATCH", where, {"protected": True}, **{"If-Match": answer["ETag"]}) == (
        412,
        "changed_meanwhile",
    )
    tag = by.call("GET", where)[2]["ETag"]
    status, changed, _answer = by.call("PATCH", where, {"protected": True}, **{"If-Match": tag})
    assert (status, changed["protected"], changed["checked_ok"]) == (200, True, True)
    assert by.problem("DELETE", where)[0] == 409
    assert by.call("PATCH", where, {"protected": False})[0] == 200
    part = next(each for each in detail["parts"] if each["part"] == "media")
    whole = by.call("GET", f"{where}files/media/")[2]
    data = b"".join(whole)  # type: ignore[call-overload]
    assert data == (folder / part["file"]).read_bytes()
    some = by.call("GET", f"{where}files/media/", Range="bytes=2-5")[2]
    assert (some.status_code, b"".join(some)) == (206, data[2:6])  # type: ignore[call-overload]
    another = make(by)["backup"]
    assert by.problem("DELETE", where)[0] == 409  # the last that was checked
    assert by.call("POST", f"backups/{another}/verify/?wait=30", {})[0] == 200
    assert by.call("DELETE", where)[0] == 204
    assert by.problem("GET", where) == (404, "not_found")
    trail = set(AuditEvent.objects.values_list("action", flat=True))
    assert trail >= {"create", "verify", "keep", "release", "download", "delete", "API call"}


def test_a_run_that_fails_in_time_is_a_refusal(settings: Any) -> None:
    by = caller()
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "COMPRESSION": "none of it"}
    status, told, _answer = by.call("POST", "backups/?wait=5", {})
    assert (status, told["code"]) == (409, "run_failed")
    assert by.get(f"runs/{told['run']}/")["state"] == "failed"


def test_the_same_request_under_one_key_is_one_run() -> None:
    by = caller()
    key = {"Idempotency-Key": "deploy-7"}
    first = by.call("POST", "backups/", {**FILES, "name": "a"}, **key)[1]
    again = by.call("POST", "backups/", {**FILES, "name": "a"}, **key)[1]
    assert first["id"] == again["id"]
    assert by.get("backups/")["count"] == 1
    assert by.problem("POST", "backups/", {**FILES, "name": "b"}, **key) == (422, "key_reused")
    other = Caller(make_token("other", robot("view", "add", name="other").username, ["create"])[0])
    assert other.call("POST", "backups/", {**FILES, "name": "b"}, **key)[1]["id"] != first["id"]
    ClaimedKey.objects.update(at=timezone.now() - timezone.timedelta(hours=25))
    assert by.call("POST", "backups/", {**FILES, "name": "b"}, **key)[1]["id"] != first["id"]


def test_what_was_sent_under_a_key_is_kept_as_nothing_that_can_be_tried_out(settings: Any) -> None:
    # A body may hold a password, and who reads the table could hash every word of a dictionary.
    by = caller()
    key = {"Idempotency-Key": "k"}
    first = by.call("POST", "backups/", FILES, **key)[1]
    [kept] = ClaimedKey.objects.values_list("digest", flat=True)
    asked = json.dumps(["POST", f"{ROOT}backups/", FILES], sort_keys=True)
    assert kept != hashlib.sha256(asked.encode()).hexdigest()
    before, settings.SECRET_KEY = (
        settings.SECRET_KEY,
        "another key of the site's, as long as need be",
    )
    assert by.problem("POST", "backups/", FILES, **key) == (422, "key_reused")
    settings.SECRET_KEY_FALLBACKS = [before]
    assert by.call("POST", "backups/", FILES, **key)[1]["id"] == first["id"]


def test_a_key_whose_request_started_nothing_may_be_used_again() -> None:
    by = caller()
    key = {"Idempotency-Key": "once"}
    assert by.problem("POST", "backups/", {"kind": "nonsense"}, **key) == (400, "invalid")
    assert not ClaimedKey.objects.exists()
    assert by.problem("POST", "backups/", {}, **{"Idempotency-Key": "ä"}) == (400, "invalid")


def test_a_list_takes_as_many_queries_whatever_there_is_and_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The rows of this test are of no files.
    monkeypatch.setattr(catalog, "synchronise_if_changed", lambda _folder: None)
    by = caller(["read"])
    begin = timezone.now()
    place = Destination.objects.create(name="nas", kind="folder", options={"path": "/x"})

    def add(first: int, last: int) -> None:
        moments = [begin - timezone.timedelta(minutes=number) for number in range(first, last)]
        rows = [
            Backup(identifier=names.backup_id(at), created=at, kind="database", state="complete")
            for at in moments
        ]
        Backup.objects.bulk_create(rows)
        there = {"destination": place, "state": "stored", "changed": begin}
        Copy.objects.bulk_create(Copy(identifier=row.identifier, **there) for row in rows)

    def queries(size: int) -> int:
        path = f"backups/?page_size={size}"
        by.get(path)  # the first of a minute is noted
        with CaptureQueriesContext(connection) as seen:
            found = by.get(path)["results"]
        assert [len(each["copies"]) for each in found] == [1] * size
        return len(seen)

    add(0, 50)
    few = queries(5)
    assert queries(50) == few
    add(50, 10_000)
    assert {queries(size) for size in (5, 50, 200)} == {few}
    last = by.get("backups/?page=200&order=-size")
    assert (len(last["results"]), last["count"], last["next"]) == (50, 10_000, None)
    assert by.problem("GET", "backups/?page=201") == (404, "not_found")
    assert by.problem("GET", "backups/?order=nonsense") == (400, "invalid")
    assert by.problem("GET", "backups/?since=yesterday") == (400, "invalid")


def test_runs_plans_destinations_health_and_status_are_told() -> None:
    by = caller()
    run = make(by)
    assert by.get("runs/?action=create")["results"][0]["id"] == run["id"]
    assert by.get("runs/?state=failed")["count"] == 0
    secret = "a canary of a secret"
    Destination.objects.create(
        name="nas", kind="folder", options={"path": secret}, secrets=secret, problem="no room"
    )
    [place] = by.get("destinations/")
    assert (place["name"], place["problem"], place["stored"]) == ("nas", "no room", 0)
    assert secret not in json.dumps(place)
    assert by.get("plans/") == []
    assert by.get("health/")["status"] in ("ok", "warn", "bad")
    told = by.get("status/")
    assert (told["runs"], told["last"]["id"]) == ([], run["id"])
    assert by.get("/settings/api/backup-status/") == told
    assert by.get("/backups/api/backups/") == by.get("backups/")


def test_a_run_is_cancelled_by_who_may_start_one() -> None:
    by = caller(["read", "create"], ["view", "add"])
    row = {"started": timezone.now(), "state": "running", "host": "elsewhere"}
    going = Run.objects.create(action="create", heartbeat=timezone.now(), **row)
    status, told, _answer = by.call("POST", f"runs/{going.pk}/cancel/")
    assert (status, told["id"]) == (202, str(going.pk))
    going.refresh_from_db()
    assert going.cancel
    restore = Run.objects.create(action="restore", heartbeat=timezone.now(), **row)
    assert by.problem("POST", f"runs/{restore.pk}/cancel/") == (403, "scope_missing")
    assert by.problem("POST", f"runs/{uuid.uuid4()}/cancel/") == (404, "not_found")


def test_what_is_sent_is_read_to_a_bound_and_bad_json_is_told() -> None:
    by = caller()
    for body, code in {
        b"{": (400, "malformed"),
        b"[]": (400, "invalid"),
        b'{"name": NaN}': (400, "malformed"),
        b"[" * 100_000: (400, "malformed"),
        b'{"name": "\\ud800"}': (400, "invalid"),
        b'{"name": "\\u0000"}': (400, "invalid"),
        b'{"name": "' + b"x" * (2 << 20) + b'"}': (413, "too_large"),
    }.items():
        assert by.problem("POST", "backups/", body) == code, body[:20]
    answer = by.client.post(f"{ROOT}backups/", b"x", "text/plain", headers=by.headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert by.problem("PUT", "backups/", {}) == (405, "method_not_allowed")
    assert by.problem("GET", "nonsense/") == (404, "not_found")
    assert by.problem("GET", "backups/..%00/") == (404, "not_found")


def test_the_description_and_its_page_are_those_of_the_views() -> None:
    for path, text in describe_api.made().items():
        assert path.read_text("utf-8") == text, f"{path.name}: run make api"
    told = caller().get("schema/")
    assert told["openapi"].startswith("3.")
    assert told["servers"] == [{"url": ROOT.rstrip("/")}]
