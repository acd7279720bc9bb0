"""Case S6: what Azure's and Google's own libraries read has an end, in bytes and in seconds."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.field.stores import ACCOUNT_KEY
from tests.support.lying_store import (
    NAME,
    TOLD,
    LyingStore,
    Way,
    drop_by_drop,
    in_pieces,
    lying_store,
    with_a_length,
)
from trustbackup.destinations.base import DestinationError, TooLong
from trustbackup.destinations.storage.backend import DjangoStorage
from trustbackup.destinations.storage.config import StorageConfig
from trustbackup.operations.offsite.remote import read_blocks

pytestmark = [
    pytest.mark.field,
    # django-storages leaves the file open into which it was reading.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
MOST = 64 << 20


@pytest.fixture(autouse=True)
def garbage_is_ours() -> Iterator[None]:
    """What is left open is closed here, and is not taken for the next test's."""
    yield
    gc.collect()


def azure(store: LyingStore) -> Any:
    from storages.backends.azure_storage import AzureStorage

    connection = (
        f"DefaultEndpointsProtocol=http;AccountName=shop;BlobEndpoint={store.endpoint}/shop;"
        f"AccountKey={ACCOUNT_KEY}"
    )
    return AzureStorage(connection_string=connection, azure_container="copies")


def google(_store: LyingStore) -> Any:
    from google.auth.credentials import AnonymousCredentials
    from storages.backends.gcloud import GoogleCloudStorage

    credentials = AnonymousCredentials()
    return GoogleCloudStorage(project_id="shop", credentials=credentials, bucket_name="shop")


@pytest.fixture(params=[azure, google])
def service(request: pytest.FixtureRequest) -> Any:
    return request.param


@contextlib.contextmanager
def lying(
    service: Any, way: Way, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[LyingStore, DjangoStorage]]:
    with lying_store(way, MOST) as store:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", store.endpoint)  # of Google's library
        yield store, DjangoStorage(StorageConfig(alias="offsite"), service(store))


@pytest.mark.parametrize("way", [with_a_length, in_pieces])
def test_case_s6_no_more_is_read_than_the_service_has_told(
    service: Any, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lying(service, way, monkeypatch) as (store, destination):
        with pytest.raises(TooLong, match=f"longer than the {TOLD} bytes"):
            list(read_blocks(destination, NAME, TOLD))
        assert store.sent < MOST / 2
    with lying(service, way, monkeypatch) as (store, destination):
        with pytest.raises(DestinationError, match="longer than any of such a service"):
            destination.list()
        assert store.sent < MOST / 2


def test_case_s6_what_drips_ends_in_its_time(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trustbackup.destinations.http_limits.REQUEST_SECONDS", 1.0)
    with (
        lying(service, drop_by_drop, monkeypatch) as (_store, destination),
        pytest.raises(DestinationError, match="was not over within 1 seconds"),
    ):
        list(read_blocks(destination, NAME, TOLD))


def test_case_s6_the_sites_own_storage_is_as_it_was(
    service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lying_store(with_a_length, MOST) as store:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", store.endpoint)
        storage = service(store)
        own = storage.client
        destination = DjangoStorage(StorageConfig(alias="offsite"), storage)
        assert destination.storage is not storage
        assert destination.storage.client is not own
        assert storage.client is own
