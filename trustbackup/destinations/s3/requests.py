"""Requests to a bucket that more than one module makes; what they raise is a DestinationError."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from trustbackup.destinations.base import DestinationError
from trustbackup.destinations.s3.client import Client
from trustbackup.destinations.s3.config import S3Config
from trustbackup.destinations.s3.errors import code_of, no_s3, status_of, to_destination_error
from trustbackup.phrases import Grouped
from trustbackup.phrases import gettext as _

MOST_PAGES = 1000
"""Of a list, with 1000 keys each: of some 300,000 backups, or of a list that never ends."""


def head(client: Client, config: S3Config, name: str, what: str) -> dict[str, Any] | None:
    """What the server knows of an object, None when there is none."""
    with to_destination_error(what, config):
        try:
            answer = _head(client, config, name)
        except ClientError as error:
            if status_of(error) not in (301, 400):
                raise
            # The list was told the bucket's region, and botocore has learnt it from that.
            answer = _head(client, config, name)
    if answer is not None and ("ContentLength" not in answer or "LastModified" not in answer):
        raise no_s3(what)
    return answer


def _head(client: Client, config: S3Config, name: str) -> dict[str, Any] | None:
    try:
        answer: dict[str, Any] = client.head_object(**config.target(name))
    except ClientError as error:
        if 300 <= status_of(error) < 500:
            # An answer to HEAD has no text. The list's error says more, and tells a
            # bucket that is gone from an object that is.
            client.list_objects_v2(Bucket=config.bucket, Prefix=config.folder, MaxKeys=1)
        if status_of(error) == 404:
            return None
        raise
    return answer


def contents(client: Client, config: S3Config, what: str) -> Iterator[dict[str, Any]]:
    """All objects right below the prefix; never a part of them without an error."""
    with to_destination_error(what, config):
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=config.bucket, Prefix=config.folder, Delimiter="/"
        )
        page: dict[str, Any] = {}
        for number, page in enumerate(pages):
            if number > MOST_PAGES:
                raise DestinationError(
                    what,
                    why=_("its list has more than %(most)s pages", most=Grouped(MOST_PAGES)),
                    todo=_("Choose a prefix of its own for the copies."),
                    permanent=True,
                )
            yield from page.get("Contents", [])
        # boto3 reads "nothing is there" out of any page of the web, and of an empty one.
        if page.get("IsTruncated") is not False:
            raise no_s3(what)


def sign_in(client: Client, config: S3Config) -> None:
    """Raises DestinationError unless the bucket is there and may be listed."""
    with to_destination_error(_("%(address)s was not opened", address=config.address), config):
        answer = client.list_objects_v2(Bucket=config.bucket, Prefix=config.folder, MaxKeys=1)
    if "IsTruncated" not in answer:
        raise no_s3(_("%(address)s was not opened", address=config.address))


def delete(client: Client, config: S3Config, name: str) -> None:
    """What is gone already is no error."""
    with to_destination_error(
        _("%(name)s was not deleted from %(address)s", name=name, address=config.address),
        config,
        deletes=True,
    ):
        try:
            client.delete_object(**config.target(name))
        except ClientError as error:
            if code_of(error) != "NoSuchKey":
                raise
