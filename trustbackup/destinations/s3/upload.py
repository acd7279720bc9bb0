"""Send a file to S3, in one piece or in parts; nobody sees it before all of it is there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from trustbackup.destinations.base import Written
from trustbackup.destinations.http_limits import Refused
from trustbackup.destinations.s3.client import CONNECTIONS, Client
from trustbackup.destinations.s3.errors import code_of
from trustbackup.destinations.s3.parts import Part, Source
from trustbackup.store import names

ABANDONED = timedelta(days=1)
"""An upload of ours that began before that is not under way any more."""
_LOOK = 0.5
"""Seconds between two looks whether somebody cancelled."""
_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchUpload")


class NameTaken(Exception):
    """There is an object of that name by now: another's, or ours, whose answer was lost."""


class CorruptSource(Exception):
    """The file here is not what its manifest says."""


def upload(
    client: Client,
    target: dict[str, str],
    source: Source,
    sha256: str,
    options: dict[str, Any],
    written: Written,
) -> None:
    """Create an object from a file; ``target`` is its Bucket and Key.

    Raises NameTaken, CorruptSource, FolderError, what boto3 and what ``written`` raises. Then
    nothing of it stays at the server.
    """
    if source.is_small:
        [part] = source.parts(lambda _: None)
        _must_be(source, sha256)
        _create(client.put_object, **target, **options, Body=part, ContentMD5=part.content_md5)
        written(source.size)
        return
    upload_id = client.create_multipart_upload(**target, **options)["UploadId"]
    target = {**target, "UploadId": upload_id}
    try:
        etags = _send(client, target, source, written)
        _must_be(source, sha256)
        parts = [{"PartNumber": number, "ETag": etags[number]} for number in sorted(etags)]
        _create(client.complete_multipart_upload, **target, MultipartUpload={"Parts": parts})
    except BaseException:
        with contextlib.suppress(Exception, Refused):  # what happened first is what matters
            client.abort_multipart_upload(**target)
        raise


def _must_be(source: Source, sha256: str) -> None:
    if source.sha256 != sha256:
        raise CorruptSource


def _create(request: Callable[..., object], **arguments: Any) -> None:  # noqa: ANN401
    """Make the object appear, unless there is one of that name."""
    try:
        try:
            request(**arguments, IfNoneMatch="*")
        except ClientError as error:
            if code_of(error) != "NotImplemented":
                raise
            _rewind(arguments)
            request(**arguments)  # a server without conditional writes
    except ClientError as error:
        if code_of(error) in _TAKEN:
            raise NameTaken from error
        raise


def _rewind(arguments: dict[str, Any]) -> None:
    if "Body" in arguments:
        arguments["Body"].seek(0)


def _send(
    client: Client, target: dict[str, str], source: Source, written: Written
) -> dict[int, str]:
    """Send all parts, a few at a time; their ETags by number."""
    etags: dict[int, str] = {}
    waiting: dict[Future[str], Part] = {}
    arrived = 0

    def collect(most: int) -> None:
        nonlocal arrived
        while True:
            for future in [future for future in waiting if future.done()]:
                part = waiting.pop(future)
                etags[part.number] = future.result()
                arrived += part.size
            written(arrived)
            if len(waiting) <= most:
                return
            wait(waiting, timeout=_LOOK, return_when=FIRST_COMPLETED)

    with ThreadPoolExecutor(CONNECTIONS, "trustbackup-s3") as pool:
        try:
            for part in source.parts(lambda _: None):
                collect(CONNECTIONS - 1)
                waiting[pool.submit(_send_part, client, target, part)] = part
            collect(0)
        finally:
            for future, part in waiting.items():
                future.cancel()
                part.stopped.set()
    return etags


def _send_part(client: Client, target: dict[str, str], part: Part) -> str:
    answer = client.upload_part(
        **target, PartNumber=part.number, Body=part, ContentMD5=part.content_md5
    )
    return str(answer["ETag"])


def abort_abandoned(client: Client, bucket: str, prefix: str) -> None:
    """Abort the uploads of ours that a process left behind when it died.

    Some servers do not list them, and some credentials may not: then they stay.
    """
    with contextlib.suppress(Exception, Refused):
        for upload_id, key in _abandoned(client, bucket, prefix):
            client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)


def _abandoned(client: Client, bucket: str, prefix: str) -> Iterator[tuple[str, str]]:
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for item in page.get("Uploads", []):
            age = datetime.now(UTC) - item["Initiated"]
            if age > ABANDONED and names.is_ours(item["Key"].removeprefix(prefix)):
                yield item["UploadId"], item["Key"]
