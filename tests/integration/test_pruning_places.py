"""Pruning at servers: SFTP, S3, S3 with Object Lock, and those that let nobody delete yet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.support import sshd
from tests.support.buckets import Bucket, S3Server, new_bucket, through
from tests.support.index import backup_folder
from tests.support.pruning import nightly, plans
from tests.support.s3_proxy import OVERLOADED, proxy_to
from trustbackup.events import Event, EventKind
from trustbackup.models import Copy, Destination, Run
from trustbackup.operations.offsite.copy import copy_backup
from trustbackup.operations.offsite.remote import list_remote
from trustbackup.operations.offsite.targets import ref_of
from trustbackup.operations.retention.prune import PlacePruning, prune_by_rules
from trustbackup.operations.sync import sync
from trustbackup.sealing import seal_secrets
from trustbackup.signals import event_happened
from trustbackup.store import names
from trustbackup.store.folder import BackupFolder

pytestmark = pytest.mark.django_db(transaction=True)
DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>"
LOCK = {"lock_mode": "GOVERNANCE", "lock_days": 30}


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> BackupFolder:
    """All stay here, three elsewhere."""
    plans(settings, tmp_path / "backups", last=9)
    settings.TRUSTBACKUP["PLANS"]["nightly"]["DESTINATION_RETENTION"] = {
        "server": {"last": 3},
        "other": {"last": 3},
    }
    return backup_folder(tmp_path / "backups")


def in_storage(bucket: Bucket, settings: Any) -> Destination:
    """The same bucket through the site's own storage."""
    options = {
        "bucket_name": bucket.name,
        "location": "copies",
        "endpoint_url": bucket.server.endpoint,
        "access_key": bucket.server.access_key,
        "secret_key": bucket.server.secret_key,
        "region_name": bucket.server.region,
        "object_parameters": {
            "ObjectLockMode": "GOVERNANCE",
            "ObjectLockRetainUntilDate": datetime.now(UTC) + timedelta(days=30),
        },
    }
    backend = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "locked": backend}
    return Destination.objects.create(name="server", kind="storage", options={"alias": "locked"})


@pytest.fixture
def told() -> Iterator[list[Event]]:
    """What somebody should hear of."""
    found: list[Event] = []

    def note(event: Event, **_details: Any) -> None:
        if event.kind is EventKind.PRUNING_FAILED:
            found.append(event)

    event_happened.connect(note)
    yield found
    event_happened.disconnect(note)


def at_sftp(server: sshd.Server, folder: str, key: Path) -> Destination:
    server.authorize(sshd.new_key(key, "ed25519"))
    options = {
        "host": server.host,
        "port": server.port,
        "user": server.user.name,
        "folder": folder,
        "host_key": server.host_key(),
    }
    secrets = seal_secrets({"private_key": key.read_text()})
    return Destination.objects.create(name="server", kind="sftp", options=options, secrets=secrets)


def in_bucket(bucket: Bucket, name: str = "server", **more: Any) -> Destination:
    options = {
        "bucket": bucket.name,
        "prefix": "copies",
        "endpoint": bucket.server.endpoint,
        "region": bucket.server.region,
        "access_key": bucket.server.access_key,
        **more,
    }
    secrets = seal_secrets({"secret_key": bucket.server.secret_key})
    return Destination.objects.create(name=name, kind="s3", options=options, secrets=secrets)


def copy(row: Destination, backups: list[str]) -> None:
    for identifier in backups:
        (copied,) = copy_backup(identifier, [ref_of(row)], pauses=())
        assert not copied.error


def at(row: Destination) -> list[str]:
    """The ids of whatever has a file there, oldest first."""
    with ref_of(row).open() as destination:
        return sorted(list_remote(destination))


def in_keys(bucket: Bucket) -> list[str]:
    """The same, seen by boto3 alone."""
    found = (names.parse(key.rpartition("/")[2]) for key in bucket.keys())  # noqa: SIM118
    return sorted({parsed.id for parsed in found if parsed})


def pruned(name: str = "server") -> PlacePruning:
    (place,) = [each for each in prune_by_rules() if each.place == name]
    return place


def comes_to_rest(row: Destination, made: list[str]) -> None:
    """A prune lets go of all but three, and neither a sync nor another prune changes that."""
    assert pruned().deleted == made[:-3]
    found = sync(ref_of(row), pauses=())
    assert (found.copied, found.unwanted, found.ok) == ([], made[:-3], True)
    again = pruned()
    assert (again.deleted, again.notes, again.ok) == ([], {}, True)


def test_copies_at_an_sftp_server_go_by_its_rules_and_a_refusal_stops_no_other_place(
    folder: BackupFolder, shared_sshd: sshd.Server, tmp_path: Path, told: list[Event]
) -> None:
    at_server = f"pruned-{tmp_path.name}"
    row = at_sftp(shared_sshd, at_server, tmp_path / "key")
    made = nightly(folder, 6)
    copy(row, made)
    comes_to_rest(row, made)
    assert at(row) == made[-3:]
    more = nightly(folder, 2, first=6)
    copy(row, more)
    elsewhere = tmp_path / "other"
    elsewhere.mkdir(mode=0o700)
    other = Destination.objects.create(
        name="other", kind="folder", options={"path": str(elsewhere)}
    )
    copy(other, [*made[-2:], *more])
    home = shared_sshd.home / at_server
    home.chmod(0o500)
    try:
        with pytest.raises(SystemExit):
            call_command("prune_backups", stdout=StringIO(), stderr=StringIO())
    finally:
        home.chmod(0o700)
    run = Run.objects.get(action="prune")
    assert run.state == "partial"
    places = {place["place"]: place for place in run.outcome["pruned"]}
    assert len(places["server"]["failed"]) == 2
    assert places["other"]["deleted"] == made[-2:-1]
    assert [event.detail["run"] for event in told] == [str(run.pk)]
    assert pruned().deleted == made[-3:-1]
    assert at(row) == [made[-1], *more]


def test_a_bucket_that_refuses_to_delete_is_told_of_and_the_rest_goes(
    folder: BackupFolder, moto_bucket: Bucket, told: list[Event]
) -> None:
    made = nightly(folder, 6)
    with proxy_to(moto_bucket.server.endpoint) as proxy:
        proxy.rule("DELETE", made[0], status=403, body=DENIED)
        row = in_bucket(through(moto_bucket, proxy.endpoint))
        copy(row, made)
        with pytest.raises(SystemExit):
            call_command("prune_backups", stdout=StringIO(), stderr=StringIO())
        assert [str(event.sentence).count("may not delete") for event in told] == [1]
        assert in_keys(moto_bucket) == [made[0], *made[3:]]


def test_a_place_that_is_away_while_a_delete_is_finished_is_a_problem_of_the_place(
    folder: BackupFolder, moto_bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_context: 0
    )
    made = nightly(folder, 5)
    with proxy_to(moto_bucket.server.endpoint) as proxy:
        row = in_bucket(through(moto_bucket, proxy.endpoint))
        copy(row, made)
        moto_bucket.client.delete_object(
            Bucket=moto_bucket.name, Key=f"copies/{names.manifest_name(made[0])}"
        )
        Copy.objects.filter(identifier=made[0]).update(state=Copy.State.DELETING)
        proxy.rule("DELETE", made[0], status=503, body=OVERLOADED)
        place = pruned()
        assert "the server is overloaded" in place.problem
        assert (place.deleted, place.failed) == ([], {})
        proxy.rules.clear()
        assert pruned().deleted == made[1:2]
    assert in_keys(moto_bucket) == made[2:]


def test_in_a_bucket_with_object_lock_a_prune_hides_what_the_lock_keeps(
    folder: BackupFolder, moto_server: S3Server
) -> None:
    bucket = new_bucket(moto_server, ObjectLockEnabledForBucket=True)
    row = in_bucket(bucket, **LOCK)
    made = nightly(folder, 4)
    copy(row, made)
    comes_to_rest(row, made)
    assert in_keys(bucket) == made[1:]
    answer = bucket.client.list_object_versions(Bucket=bucket.name, Prefix="copies/")
    kept = [item["Key"] for item in answer["Versions"] if made[0] in item["Key"]]
    assert f"copies/backup_{made[0]}.dump.gz" in kept, "until its lock is over it can be had back"
    marks = [item["Key"] for item in answer["DeleteMarkers"] if made[0] in item["Key"]]
    assert sorted(marks) == sorted(set(kept)), "each was deleted once"


def test_what_a_server_lets_nobody_delete_yet_is_a_note_with_the_date(
    folder: BackupFolder, moto_server: S3Server, told: list[Event]
) -> None:
    bucket = new_bucket(moto_server, ObjectLockEnabledForBucket=True)
    made = nightly(folder, 6)
    locked, half = made[:2]
    began = datetime.now(UTC)
    with proxy_to(moto_server.endpoint) as proxy:
        row = in_bucket(through(bucket, proxy.endpoint), **LOCK)
        copy(row, made)
        # It may be midnight meanwhile.
        days = [f"{moment + timedelta(days=30):%Y-%m-%d}" for moment in (began, datetime.now(UTC))]
        # What a deleter left that died once the manifest was gone.
        bucket.client.delete_object(Bucket=bucket.name, Key=f"copies/{names.manifest_name(half)}")
        Copy.objects.filter(identifier=half).update(state=Copy.State.DELETING)
        # As servers answer that keep no older versions.
        for identifier in (locked, half):
            proxy.rule("DELETE", identifier, status=403, body=DENIED)
        for deleted in (made[2:3], []):
            call_command("prune_backups", stdout=StringIO(), stderr=StringIO())
            run = Run.objects.filter(action="prune").latest("started")
            place = run.outcome["pruned"][1]
            assert (run.state, place["failed"], told) == ("succeeded", [], [])
            assert place["deleted"] == deleted
            for identifier, note in zip((half, locked), place["notes"], strict=True):
                assert any(f"it is locked there until {day}." in note for day in days)
                assert identifier in note
        states = dict(Copy.objects.values_list("identifier", "state"))
        assert (states[locked], states[half]) == (Copy.State.STORED, Copy.State.DELETING)
        assert in_keys(bucket) == [locked, half, *made[3:]]
        proxy.rules.clear()
        assert pruned().deleted == [locked]
    assert in_keys(bucket) == made[3:]


def test_a_lock_behind_a_storage_of_the_sites_is_a_note_too(
    folder: BackupFolder, moto_server: S3Server, told: list[Event], settings: Any
) -> None:
    bucket = new_bucket(moto_server, ObjectLockEnabledForBucket=True)
    made = nightly(folder, 5)
    locked, refused = made[:2]
    with proxy_to(moto_server.endpoint) as proxy:
        row = in_storage(through(bucket, proxy.endpoint), settings)
        copy(row, made)
        # Unlocked now, and as little to be deleted: that is a failure.
        bucket.client.put_object_retention(
            Bucket=bucket.name,
            Key=f"copies/{names.manifest_name(refused)}",
            Retention={},
            BypassGovernanceRetention=True,
        )
        for identifier in (locked, refused):
            proxy.rule("DELETE", identifier, status=403, body=DENIED)
        place = pruned()
    assert list(place.notes) == [locked]
    assert "it is locked there until " in place.notes[locked]
    assert list(place.failed) == [refused]
    assert in_keys(bucket) == made
