"""The contract of destinations (``destinations/base.py``), on every kind that there is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage

from tests.support import copies, table_kind
from tests.support.copies import NAME, new_file, read, refused
from trustbackup.destinations.base import DestinationBackend
from trustbackup.destinations.folder.config import FolderConfig
from trustbackup.destinations.kind import DestinationKind
from trustbackup.destinations.registry import kinds
from trustbackup.destinations.storage.backend import DjangoStorage
from trustbackup.destinations.storage.config import StorageConfig
from trustbackup.exceptions import Cancelled

KINDS = kinds(["tests.support.table_kind.KIND"])
BUILT_IN = kinds([])
Configure = Callable[[pytest.FixtureRequest, Path], Any]


def sftp(request: pytest.FixtureRequest, _folder: Path) -> Any:
    server = request.getfixturevalue("shared_sshd")
    return copies.config_of(server, folder=f"contract-{os.urandom(4).hex()}")


def storage(request: pytest.FixtureRequest, folder: Path) -> Any:
    settings = request.getfixturevalue("settings")
    backend = "django.core.files.storage.FileSystemStorage"
    offsite = {"BACKEND": backend, "OPTIONS": {"location": folder / "storage"}}
    settings.STORAGES = {**settings.STORAGES, "offsite": offsite}
    return StorageConfig(alias="offsite", folder="a/b")


CONFIGURATIONS: dict[str, Configure] = {
    "folder": lambda _request, folder: FolderConfig(folder / "copies"),
    "sftp": sftp,
    "s3": lambda request, _folder: request.getfixturevalue("bucket").config(),
    "storage": storage,
    "table": lambda _request, folder: table_kind.TableConfig(str(folder / "copies"), "sesame"),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> DestinationKind:
    return KINDS[request.param]


@pytest.fixture
def destination(
    kind: DestinationKind, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[DestinationBackend]:
    with kind.open(CONFIGURATIONS[kind.name](request, tmp_path)) as opened:
        yield opened


def test_an_address_means_the_kind_and_holds_no_secret(
    kind: DestinationKind, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    config = CONFIGURATIONS[kind.name](request, tmp_path)
    url = kind.to_url(config)
    assert url.startswith(f"{kind.scheme}:")
    for name in kind.secrets:
        secret = getattr(config, name)
        assert not secret or secret not in url + repr(config)


def test_its_form_has_its_fields_and_hides_its_secrets(kind: DestinationKind) -> None:
    form = kind.form_class()(known=dict.fromkeys(kind.secrets, "canary"))
    assert "canary" not in form.as_p()
    assert set(kind.secrets) <= set(form.fields)


def test_a_file_arrives_whole_and_can_be_read(
    destination: DestinationBackend, tmp_path: Path
) -> None:
    source, sha256 = new_file(tmp_path / "source", 300_001)
    seen: list[int] = []
    destination.put(source, sha256, seen.append)
    assert read(destination) == source.read_bytes()
    assert seen == sorted(seen)
    assert seen[-1] == 300_001


def test_it_lists_stats_and_deletes(destination: DestinationBackend, tmp_path: Path) -> None:
    files = ["backup_2026-11-20_02-15-34.manifest.json", NAME, "backup_2025-01-01_00-00-00.tar.gz"]
    for number, name in enumerate(files):
        destination.put(*new_file(tmp_path / "source", 10 + number, name))
    assert [(item.name, item.size) for item in destination.list()] == [
        (files[2], 12),
        (files[1], 11),
        (files[0], 10),
    ]
    for name, size in zip(files, (10, 11, 12), strict=True):
        stored = destination.stat(name)
        assert stored is not None
        assert (stored.name, stored.size) == (name, size)
    destination.delete(NAME)
    destination.delete(NAME)
    assert destination.stat(NAME) is None
    assert len(destination.list()) == 2
    with refused(NAME, permanent=True):
        read(destination)


def test_objects_are_listed_by_themselves(
    kind: DestinationKind, destination: DestinationBackend, tmp_path: Path
) -> None:
    destination.put(*new_file(tmp_path / "source", 10))
    if kind.name not in BUILT_IN:
        with refused("incremental", permanent=True):
            destination.list_objects()
        return
    assert destination.list_objects() == []
    source, sha256 = new_file(tmp_path / "source", 300_001, "backup_object_" + "a1" * 32)
    destination.put(source, sha256)
    (stored,) = destination.list_objects()
    assert (stored.name, stored.size) == (source.name, 300_001)
    assert [item.name for item in destination.list()] == [NAME]
    assert read(destination, source.name) == source.read_bytes()
    destination.delete(source.name)
    assert destination.list_objects() == []


def test_the_same_file_again_is_no_error_and_another_one_is(
    destination: DestinationBackend, tmp_path: Path
) -> None:
    source, sha256 = new_file(tmp_path / "source", 1000)
    for _ in range(2):
        destination.put(source, sha256)
    other, other_sha256 = new_file(tmp_path / "other", 1000)
    with refused(NAME, "another content", permanent=True):
        destination.put(other, other_sha256)
    assert read(destination) == source.read_bytes()


def test_a_source_that_is_not_what_its_manifest_says_is_not_copied(
    destination: DestinationBackend, tmp_path: Path
) -> None:
    destination.put(*new_file(tmp_path / "other", 10, "backup_2025-01-01_00-00-00.dump.gz"))
    source, _sha256 = new_file(tmp_path / "source", 1000)
    with refused(NAME, "corrupt", permanent=True):
        destination.put(source, "0" * 64)
    assert destination.stat(NAME) is None


def test_a_cancelled_upload_is_not_there(destination: DestinationBackend, tmp_path: Path) -> None:
    destination.put(*new_file(tmp_path / "other", 10, "backup_2025-01-01_00-00-00.dump.gz"))
    source, sha256 = new_file(tmp_path / "source", 2_000_000)

    def cancel(done: int) -> None:
        if done:
            raise Cancelled

    with pytest.raises(Cancelled):
        destination.put(source, sha256, cancel)
    # One request of S3 is whole when it is told of; its object is then a good one.
    if (stored := destination.stat(NAME)) is not None:
        assert stored.size == 2_000_000
    destination.put(source, sha256)
    assert read(destination) == source.read_bytes()


def test_names_of_others_are_refused(destination: DestinationBackend, tmp_path: Path) -> None:
    destination.put(*new_file(tmp_path / "source"))
    calls: list[Callable[[str], object]] = [
        destination.stat,
        destination.delete,
        lambda name: read(destination, name),
        lambda name: destination.put(*new_file(tmp_path / "source", 1, name)),
    ]
    for name in ("notes.txt", "-rf"):
        for call in calls:
            with refused("not the name of a backup", permanent=True):
                call(name)


def test_the_connection_test_passes_and_leaves_nothing(destination: DestinationBackend) -> None:
    steps = list(destination.check())
    assert all(step.ok for step in steps), steps
    assert {"write", "delete"} <= {step.name for step in steps}
    assert all(step.seconds >= 0 for step in steps)
    assert destination.list() == []


def test_case_t2_what_a_storage_saves_on_a_disk_is_private(tmp_path: Path) -> None:
    theirs = FileSystemStorage(tmp_path / "storage")
    with DjangoStorage(StorageConfig(alias="x", folder="a"), theirs) as destination:
        destination.put(*new_file(tmp_path / "source", 10))
        assert destination.local_folder == tmp_path / "storage" / "a"
    assert copies.all_files(tmp_path / "storage") == {f"a/{NAME}": 0o600}
    assert (tmp_path / "storage/a").stat().st_mode & 0o777 == 0o700
    assert theirs.file_permissions_mode == 0o644, "the site's own is as it was"
