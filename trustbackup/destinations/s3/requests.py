"""Requests to a bucket that more than one place makes; what they raise is explained."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from trustbackup.destinations.s3.client import Client
from trustbackup.destinations.s3.config import S3Config
from trustbackup.destinations.s3.errors import code_of, explained, status_of


def head(client: Client, config: S3Config, name: str, what: str) -> dict[str, Any] | None:
    """What the server knows of an object, None when there is none."""
    with explained(what, config):
        try:
            return client.head_object(**config.target(name))
        except ClientError as error:
            if 400 <= status_of(error) < 500:
                # An answer to HEAD has no text. The list's error says more, and tells a
                # bucket that is gone from an object that is.
                client.list_objects_v2(Bucket=config.bucket, Prefix=config.folder, MaxKeys=1)
            if status_of(error) == 404:
                return None
            raise


def sign_in(client: Client, config: S3Config) -> None:
    """Raises DestinationError unless the bucket is there and may be listed."""
    with explained(f"{config.address} was not opened", config):
        client.list_objects_v2(Bucket=config.bucket, Prefix=config.folder, MaxKeys=1)


def delete(client: Client, config: S3Config, name: str) -> None:
    """What is gone already is no error."""
    with explained(f"{name} was not deleted from {config.address}", config, "delete"):
        try:
            client.delete_object(**config.target(name))
        except ClientError as error:
            if code_of(error) != "NoSuchKey":
                raise
