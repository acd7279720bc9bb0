"""Case S6: a service behind a storage tells of an object and sends another, or never ends.

The storages of django-storages read an object whole before anybody sees a byte of it. Those of
Azure and Google are tried by tests/field/test_storage_limits.py.
"""

from __future__ import annotations

import time

import pytest
import requests
from storages.backends.s3 import S3Storage

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
from trustbackup.destinations.http_limits import LONGEST_ANSWER, Limits, ObjectTooLong, TooMuch
from trustbackup.destinations.storage.backend import DjangoStorage
from trustbackup.destinations.storage.bounded_adapter import BoundedAdapter
from trustbackup.destinations.storage.config import StorageConfig
from trustbackup.operations.offsite.remote import read_blocks

MOST = 64 << 20


def at_s3(store: LyingStore) -> DjangoStorage:
    storage = S3Storage(
        bucket_name="shop",
        access_key="a",
        secret_key="b",
        region_name="eu-1",
        endpoint_url=store.endpoint,
    )
    return DjangoStorage(StorageConfig(alias="offsite"), storage)


@pytest.mark.parametrize("way", [with_a_length, in_pieces])
def test_case_s6_no_more_is_read_of_an_object_than_the_service_has_told(way: Way) -> None:
    with lying_store(way, MOST) as store:
        destination = at_s3(store)
        stored = destination.stat(NAME)
        assert stored
        assert stored.size == TOLD
        with pytest.raises(TooLong, match=f"longer than the {TOLD} bytes that it should have"):
            list(read_blocks(destination, NAME, stored.size))
        assert store.sent < MOST / 2


def test_case_s6_an_object_that_drips_ends_in_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trustbackup.destinations.http_limits.REQUEST_SECONDS", 1.0)
    with lying_store(drop_by_drop, MOST) as store:
        began = time.monotonic()
        with pytest.raises(DestinationError, match="was not over within 1 seconds"):
            list(read_blocks(at_s3(store), NAME, TOLD))
        assert time.monotonic() - began < 240


@pytest.mark.parametrize("way", [with_a_length, in_pieces])
@pytest.mark.parametrize("what", ["object", "answer"])
def test_case_s6_a_session_of_requests_reads_no_more_than_it_may(way: Way, what: str) -> None:
    limits = Limits(final=False)
    expected = ObjectTooLong if what == "object" else TooMuch
    with lying_store(way, MOST) as store, requests.Session() as session, limits.reading(TOLD):
        adapter = BoundedAdapter(
            limits, lambda _method, query: "list" not in query, session.get_adapter("http://")
        )
        session.mount("http://", adapter)
        url = f"{store.endpoint}/shop?{'list' if what == 'answer' else ''}"
        with pytest.raises(expected) as caught:
            _ = session.get(url, stream=True).content
        if way is with_a_length:
            assert store.sent < 4 << 20, "its length tells"
        assert type(caught.value) is expected
        assert store.sent < MOST / 2


def test_case_s6_a_session_of_requests_ends_in_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trustbackup.destinations.http_limits.REQUEST_SECONDS", 1.0)
    limits = Limits(final=False)
    with lying_store(drop_by_drop, MOST) as store, requests.Session() as session:
        session.mount(
            "http://", BoundedAdapter(limits, lambda *_: False, session.get_adapter("http://"))
        )
        began = time.monotonic()
        with pytest.raises(requests.RequestException):
            session.get(f"{store.endpoint}/shop", stream=True)
        assert time.monotonic() - began < TOLD * 0.2 * 0.9, "it would have come to its end"


def test_an_ordinary_answer_of_a_bounded_session_is_whole() -> None:
    limits = Limits(LONGEST_ANSWER, final=False)
    with lying_store(drop_by_drop, MOST) as store, requests.Session() as session:
        session.mount(
            "http://", BoundedAdapter(limits, lambda *_: False, session.get_adapter("http://"))
        )
        answer = session.get(f"{store.endpoint}/storage/v1/b/shop", stream=True)
        assert answer.json()["size"] == f"{TOLD}"
        assert b"".join(answer.iter_content(7)) == answer.content
