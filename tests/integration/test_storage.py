"""Copies in Django storages: on a disk, in memory, and in a bucket through django-storages."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage
from django.test import override_settings

from tests.support.buckets import Bucket
from trustbackup.destinations.base import DestinationError, NotMadeYet
from trustbackup.destinations.storage.backend import DjangoStorage
from trustbackup.destinations.storage.config import StorageConfig
from trustbackup.exceptions import Cancelled

NAME = "backup_2026-11-20_02-15-33.dump.gz"
CONTENT = os.urandom(3 << 20)


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> FileSystemStorage:
    return FileSystemStorage(location=tmp_path / "storage")


@pytest.fixture(params=["disk", "memory", "s3"])
def storage(request: pytest.FixtureRequest) -> Iterator[Storage]:
    if request.param == "disk":
        yield request.getfixturevalue("folder")
    elif request.param == "memory":
        yield InMemoryStorage()
    else:
        bucket: Bucket = request.getfixturevalue("moto_bucket")
        yield s3_storage(bucket)


def s3_storage(bucket: Bucket) -> Storage:
    from storages.backends.s3 import S3Storage

    storage: Storage = S3Storage(
        bucket_name=bucket.name,
        endpoint_url=bucket.server.endpoint,
        access_key=bucket.server.access_key,
        secret_key=bucket.server.secret_key,
        region_name=bucket.server.region,
    )
    return storage


def put(destination: DjangoStorage, path: Path) -> list[int]:
    seen: list[int] = []
    destination.put(path, hashlib.sha256(path.read_bytes()).hexdigest(), seen.append)
    return seen


def read(destination: DjangoStorage) -> bytes:
    with destination.open(NAME) as file:
        return b"".join(iter(lambda: file.read(100_000), b""))


def refusal(action: Callable[[], object]) -> DestinationError:
    with pytest.raises(DestinationError) as caught:
        action()
    assert caught.value.todo
    return caught.value


@pytest.mark.parametrize("where", ["", "copies/shop"])
def test_a_copy_there_and_back(storage: Storage, backup: Path, where: str) -> None:
    destination = DjangoStorage(StorageConfig(alias="x", folder=where), storage)
    assert destination.stat(NAME) is None
    assert put(destination, backup)[-1] == len(CONTENT)
    assert read(destination) == CONTENT
    storage.save(f"{where}/theirs.zip" if where else "theirs.zip", ContentFile(b"x"))
    [stored] = destination.list()
    assert (stored.name, stored.size) == (NAME, len(CONTENT))
    assert stored.modified is not None
    assert put(destination, backup) == [len(CONTENT)], "what is there already stays"
    destination.delete(NAME)
    destination.delete(NAME)
    assert destination.list() == []
    assert destination.stat(NAME) is None
    error = refusal(lambda: read(destination))
    assert f"{NAME} was not read from {destination.address}" in str(error)


def test_the_test_passes_and_leaves_nothing(storage: Storage) -> None:
    destination = DjangoStorage(StorageConfig(alias="x"), storage)
    steps = list(destination.check())
    assert [step.name for step in steps] == ["storage", "write", "read back", "list", "delete"]
    assert all(step.ok for step in steps), steps
    assert storage.listdir("")[1] == []


def test_another_content_of_that_name_stays(storage: Storage, backup: Path) -> None:
    storage.save(NAME, ContentFile(b"theirs"))
    destination = DjangoStorage(StorageConfig(alias="x"), storage)
    assert "another content is there already" in str(refusal(lambda: put(destination, backup)))
    with storage.open(NAME) as file:
        assert file.read() == b"theirs"
    assert storage.listdir("")[1] == [NAME]


@pytest.mark.parametrize("size", [0, 1_500_000, len(CONTENT) - 1])
def test_what_a_killed_copy_has_left_is_replaced_by_the_next(
    storage: Storage, backup: Path, size: int
) -> None:
    storage.save(NAME, ContentFile(CONTENT[:size]))
    destination = DjangoStorage(StorageConfig(alias="x"), storage)
    put(destination, backup)
    assert read(destination) == CONTENT
    assert storage.listdir("")[1] == [NAME]


def test_a_shorter_file_that_is_not_its_beginning_stays(storage: Storage, backup: Path) -> None:
    theirs = CONTENT[:1_500_000] + b"theirs"
    storage.save(NAME, ContentFile(theirs))
    destination = DjangoStorage(StorageConfig(alias="x"), storage)
    assert "another content" in str(refusal(lambda: put(destination, backup)))
    assert read(destination) == theirs


def test_the_folder_that_a_storage_tells_with_each_name_is_taken_off(
    folder: FileSystemStorage, backup: Path
) -> None:
    class TellsPaths(FileSystemStorage):
        """As Azure's of django-storages does: every name below the folder, from its root on."""

        def listdir(self, path: str) -> tuple[list[str], list[str]]:
            root = Path(self.location)
            found = (item for item in Path(root, path).rglob("*") if item.is_file())
            return [], [str(item.relative_to(root)) for item in found]

    there = TellsPaths(location=folder.location)
    destination = DjangoStorage(StorageConfig(alias="x", folder="a/b"), there)
    put(destination, backup)
    there.save(f"a/b/deeper/{NAME}", ContentFile(b"another site's"))
    assert [(item.name, item.size) for item in destination.list()] == [(NAME, len(CONTENT))]


def test_a_name_that_is_taken_meanwhile_is_not_another_name_of_the_copy(
    folder: FileSystemStorage, backup: Path
) -> None:
    theirs = Path(folder.path(NAME))
    theirs.parent.mkdir()

    class Late(FileSystemStorage):
        def exists(self, name: str) -> bool:
            found = super().exists(name)
            theirs.write_bytes(b"theirs")
            return found

    destination = DjangoStorage(StorageConfig(alias="x"), Late(location=folder.location))
    assert "another content" in str(refusal(lambda: put(destination, backup)))
    assert folder.listdir("")[1] == [NAME]
    assert theirs.read_bytes() == b"theirs"


def test_fault_27_what_arrives_damaged_is_removed(folder: FileSystemStorage, backup: Path) -> None:
    class Careless(FileSystemStorage):
        def _save(self, name: str, content: Any) -> str:
            damaged = bytearray(content.read())
            damaged[1000] ^= 1
            return super()._save(name, ContentFile(bytes(damaged)))  # type: ignore[misc]

    careless = Careless(location=folder.location)
    destination = DjangoStorage(StorageConfig(alias="x"), careless)
    error = refusal(lambda: put(destination, backup))
    assert "another checksum, and was removed" in str(error)
    assert folder.listdir("")[1] == []
    with pytest.raises(DestinationError, match="corrupt"):
        DjangoStorage(StorageConfig(alias="x"), folder).put(backup, "0" * 64)
    assert folder.listdir("")[1] == []


def test_fault_28_a_cancelled_copy_leaves_nothing(storage: Storage, backup: Path) -> None:
    def cancel(_done: int) -> None:
        raise Cancelled

    destination = DjangoStorage(StorageConfig(alias="x"), storage)
    with pytest.raises(Cancelled):
        destination.put(backup, "0" * 64, cancel)
    assert destination.stat(NAME) is None


def test_fault_21_a_full_disk_is_permanent(
    small_tmpfs: Callable[[int], Path], backup: Path
) -> None:
    full = FileSystemStorage(location=small_tmpfs(1 << 20))
    error = refusal(lambda: put(DjangoStorage(StorageConfig(alias="x"), full), backup))
    assert "No space left on device" in str(error)
    assert error.permanent
    assert full.listdir("")[1] == []


def test_a_storage_that_is_gone_is_no_empty_list(folder: FileSystemStorage) -> None:
    destination = DjangoStorage(StorageConfig(alias="x"), folder)
    absent = refusal(destination.list)
    assert "was not listed: it is not there" in str(absent)
    # The first copy makes it, and what has to list before may go on.
    assert isinstance(absent, NotMadeYet)
    unmounted = FileSystemStorage(location=Path(folder.location) / "disk")
    gone = refusal(DjangoStorage(StorageConfig(alias="x"), unmounted).list)
    assert "was not listed: it is not there" in str(gone)
    assert not isinstance(gone, NotMadeYet)


def test_an_alias_that_is_not_there_is_a_sentence() -> None:
    destination = DjangoStorage(StorageConfig(alias="nowhere"))
    error = refusal(destination.list)
    assert "storage://nowhere was not opened" in str(error)
    assert error.permanent
    [step] = destination.check()
    assert not step.ok


def test_an_alias_of_the_site(tmp_path: Path, backup: Path) -> None:
    backend = "django.core.files.storage.FileSystemStorage"
    offsite = {"BACKEND": backend, "OPTIONS": {"location": str(tmp_path / "offsite")}}
    with override_settings(STORAGES={"offsite": offsite}):
        put(DjangoStorage(StorageConfig(alias="offsite")), backup)
    assert (tmp_path / "offsite" / NAME).read_bytes() == CONTENT


def test_reading_keeps_no_whole_file_in_memory_and_the_sites_storage_as_it_is(
    moto_bucket: Bucket, backup: Path
) -> None:
    storage: Any = s3_storage(moto_bucket)
    destination = DjangoStorage(StorageConfig(alias="x"), storage)
    assert storage.max_memory_size == 0, "which means: all of it"
    assert destination.storage.max_memory_size > 0  # type: ignore[attr-defined]
    assert storage.max_memory_size == 0


def test_what_a_storage_says_loses_the_queries_of_signed_urls(folder: FileSystemStorage) -> None:
    class Talkative(FileSystemStorage):
        def listdir(self, path: str) -> tuple[list[str], list[str]]:
            raise RuntimeError("GET https://cloud.example/x?sig=c4n4ry failed")

    talkative = Talkative(location=folder.location)
    error = refusal(DjangoStorage(StorageConfig(alias="x"), talkative).list)
    assert "GET https://cloud.example/x failed" in str(error)
    assert "c4n4ry" not in str(error)
