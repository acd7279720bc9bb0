"""Rows 20 and 22 to 31 at S3: overloaded, lying, cut, revoked and vanished; bytes that flip."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from tests.support.buckets import Bucket, S3Server, new_bucket, through
from tests.support.s3_copies import KEY, LARGE, NAME, File, read, refusal
from tests.support.s3_proxy import FAILED, OVERLOADED, Proxy
from trustbackup.destinations.s3.backend import S3


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow one another at once; how often and after what stays botocore's own."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", no_delay)


def no_delay(*_: object) -> float:
    return 0.0


def test_fault_20_a_silent_server_is_given_up(bucket: Bucket, small: File) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent = through(bucket, f"http://127.0.0.1:{listener.getsockname()[1]}")
        with silent.destination(read_timeout=0.3) as destination:
            error = refusal(lambda: small.put_to(destination))
            assert "the server did not answer in time" in str(error)
            assert not error.permanent
            *passed, last = destination.check()
    assert [step.name for step in passed] == ["settings", "name", "connection"]
    assert (last.name, last.ok) == ("sign-in", False)


def test_fault_22_nothing_is_listed_while_parts_arrive(bucket: Bucket, large: File) -> None:
    seen = []
    with bucket.destination() as destination, bucket.destination() as other:
        destination.put(
            large.path,
            large.sha256,
            lambda done: seen.append((done, other.list(), other.stat(NAME))),
        )
        assert [stored.name for stored in other.list()] == [NAME]
    during = seen[:-1]
    assert any(done < LARGE for done, _listed, _stat in during)
    assert all(listed == [] and stat is None for _done, listed, stat in during)
    assert seen[-1][0] == LARGE


@pytest.mark.parametrize("status", [429, 503])
def test_fault_24_three_refusals_are_sat_out(
    bucket: Bucket, proxy: Proxy, proxied: S3, large: File, no_pauses: None, status: int
) -> None:
    proxy.rule("PUT", "partNumber=2", status=status, body=OVERLOADED, times=3)
    large.put_to(proxied)
    assert proxy.count("PUT", "partNumber=2") == 4
    assert bucket.content(KEY) == large.content


def test_fault_24_a_server_that_stays_overloaded_fails_the_copy(
    bucket: Bucket, proxy: Proxy, proxied: S3, large: File, no_pauses: None
) -> None:
    proxy.rule("PUT", "partNumber=2", status=503, body=OVERLOADED)
    error = refusal(lambda: large.put_to(proxied))
    assert f"{NAME} was not copied to {proxied.address}: the server is overloaded" in str(error)
    assert not error.permanent
    assert (bucket.keys(), bucket.uploads()) == ([], [])


def test_fault_25_an_error_in_the_body_of_a_200_fails_the_copy(
    bucket: Bucket, proxy: Proxy, proxied: S3, large: File, no_pauses: None
) -> None:
    proxy.rule("POST", "uploadId=", status=200, body=FAILED)
    error = refusal(lambda: large.put_to(proxied))
    assert not error.permanent
    assert proxy.count("POST", "uploadId=") > 1
    assert (bucket.keys(), bucket.uploads()) == ([], [])


def test_fault_25_an_error_in_the_body_of_a_200_is_tried_again(
    bucket: Bucket, proxy: Proxy, proxied: S3, large: File, no_pauses: None
) -> None:
    proxy.rule("POST", "uploadId=", status=200, body=FAILED, times=1)
    large.put_to(proxied)
    assert bucket.content(KEY) == large.content


def test_fault_26_a_part_whose_connection_is_cut_is_sent_again(
    bucket: Bucket, proxy: Proxy, proxied: S3, large: File, no_pauses: None
) -> None:
    rule = proxy.rule("PUT", "partNumber=1", cut_body=9_000_000, times=2)
    large.put_to(proxied)
    assert rule.seen == 2
    assert bucket.content(KEY) == large.content


def test_fault_26_a_copy_that_is_always_cut_fails(
    bucket: Bucket, proxy: Proxy, proxied: S3, large: File, no_pauses: None
) -> None:
    proxy.rule("PUT", "partNumber=1", cut_body=1_000_000)
    error = refusal(lambda: large.put_to(proxied))
    assert "the connection was cut" in str(error)
    assert not error.permanent
    assert (bucket.keys(), bucket.uploads()) == ([], [])


def test_fault_26_an_answer_that_was_lost_is_no_second_object(
    bucket: Bucket, proxy: Proxy, proxied: S3, small: File, no_pauses: None
) -> None:
    # The object was made, and the request that is tried again finds its name taken.
    rule = proxy.rule("PUT", NAME, cut_answer=0, times=1)
    small.put_to(proxied)
    assert rule.seen == 1
    assert bucket.content(KEY) == small.content


def test_fault_26_a_download_that_is_cut_goes_on_where_it_ended(
    bucket: Bucket, proxy: Proxy, proxied: S3, large: File
) -> None:
    large.put_to(proxied)
    rule = proxy.rule("GET", NAME, cut_answer=5_000_000, times=3)
    assert read(proxied) == large.content
    assert rule.seen == 3


def test_fault_26_a_download_that_never_goes_on_fails(
    bucket: Bucket, proxy: Proxy, proxied: S3, small: File, no_pauses: None
) -> None:
    small.put_to(proxied)
    proxy.rule("GET", NAME, cut_answer=100_000, times=1)
    proxy.rule("GET", NAME, cut_answer=0)
    error = refusal(lambda: read(proxied))
    assert f"{NAME} was not read from {proxied.address}: the connection was cut" in str(error)
    assert not error.permanent


def test_fault_26_the_second_half_of_another_object_is_not_read(
    bucket: Bucket, proxy: Proxy, proxied: S3, small: File
) -> None:
    small.put_to(proxied)

    def replace() -> None:
        bucket.client.put_object(Bucket=bucket.name, Key=KEY, Body=small.content[::-1])

    proxy.rule("GET", NAME, cut_answer=100_000, times=1)
    proxy.rule("GET", NAME, before=replace)
    assert "PreconditionFailed" in str(refusal(lambda: read(proxied)))


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"secret_key": "wrong"}, "the secret key does not belong to the access key"),
        ({"access_key": "backup:gone"}, "the secret key does not belong to the access key"),
        ({"bucket": "copies-gone"}, "there is no bucket 'copies-gone'"),
    ],
)
def test_fault_29_what_can_not_help_is_not_tried_again(
    bucket: Bucket, proxy: Proxy, small: File, changes: dict[str, str], cause: str
) -> None:
    with bucket.destination() as destination:
        small.put_to(destination)
    with through(bucket, proxy.endpoint).destination(**changes) as destination:
        actions: list[Callable[[], object]] = [
            lambda: small.put_to(destination),
            destination.list,
            lambda: destination.stat(NAME),
            lambda: destination.delete(NAME),
            lambda: read(destination),
        ]
        for action in actions:
            error = refusal(action)
            assert cause in str(error)
            assert error.permanent
            assert "wrong" not in str(error)
    # Once each, and twice the list that explains what an answer to HEAD does not.
    assert len(proxy.requests) == len(actions) + 2
    assert bucket.content(KEY) == small.content


def test_fault_29_credentials_without_rights_are_refused(bucket: Bucket, small: File) -> None:
    access_key, secret_key = bucket.server.reader
    with bucket.destination() as destination:
        small.put_to(destination)
    other = File(small.path.parent, 10, NAME.replace("33", "34"))
    with bucket.destination(access_key=access_key, secret_key=secret_key) as destination:
        assert read(destination) == small.content
        error = refusal(lambda: other.put_to(destination))
        *_, last = destination.check()
    assert "these credentials may not do that" in str(error)
    assert error.permanent
    assert (last.name, last.ok) == ("write", False)
    assert bucket.keys() == [KEY]


def test_fault_30_more_than_a_thousand_objects_are_all_seen(moto_bucket: Bucket) -> None:
    names = [f"backup_2026-11-20_{n // 60:02}-{n % 60:02}-00.dump.gz" for n in range(1003)]
    foreign = ["copies/shop/theirs.zip", f"copies/shop/sub/{NAME}", f"copies/shopping/{NAME}"]
    moto_bucket.fill([*(f"copies/shop/{name}" for name in names), *foreign])
    with moto_bucket.destination() as destination:
        assert [stored.name for stored in destination.list()] == names


def test_fault_30_an_object_that_vanished_after_the_listing(bucket: Bucket, small: File) -> None:
    with bucket.destination() as destination:
        small.put_to(destination)
        [stored] = destination.list()
        bucket.client.delete_object(Bucket=bucket.name, Key=KEY)
        error = refusal(lambda: read(destination, stored.name))
        assert destination.stat(stored.name) is None
        destination.delete(stored.name)
    assert f"{NAME} was not read from {destination.address}: it is not there" in str(error)
    assert error.permanent


def test_locked_copies_stay_and_the_test_sees_whether_they_can_be_locked(
    moto_server: S3Server, bucket: Bucket, small: File
) -> None:
    lock = {"lock_mode": "COMPLIANCE", "lock_days": 30}
    lockable = new_bucket(moto_server, ObjectLockEnabledForBucket=True)
    with lockable.destination(**lock, storage_class="STANDARD_IA") as destination:
        steps = list(destination.check())
        small.put_to(destination)
    head = lockable.client.head_object(Bucket=lockable.name, Key=KEY)
    assert lockable.keys() == [KEY]
    assert [step.name for step in steps if step.ok] == [step.name for step in steps]
    assert head["ObjectLockMode"] == "COMPLIANCE"
    assert (head["ObjectLockRetainUntilDate"] - head["LastModified"]).days in (29, 30)
    assert head["StorageClass"] == "STANDARD_IA"
    assert head["Metadata"] == {"sha256": small.sha256}
    with bucket.destination(**lock) as destination:  # Swift would not lock, and not say so
        *_, last = destination.check()
    assert (last.name, last.ok) == ("object lock", False)


def test_the_test_passes_and_leaves_nothing(bucket: Bucket) -> None:
    with bucket.destination(region="eu-north-1") as destination:
        steps = list(destination.check())
    assert [(step.name, step.ok) for step in steps] == [
        (name, True)
        for name in ("settings", "name", "connection", "sign-in", "write", "read back", "delete")
    ]
    assert bucket.keys() == []
