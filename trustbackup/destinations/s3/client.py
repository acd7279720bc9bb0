"""The connection to an S3 server: a client whose time limits, retries and reach are ours.

django-storages' S3Storage makes the session and the connection, so that keys, tokens, profiles
and the environment mean here what they mean in ``STORAGES``. Its files are not used: reading one
copies the whole object first, writing one does not know the length, so that the size of the
parts limits that of the object, and neither proves what arrived.
"""

from __future__ import annotations

import socket
from typing import Any, Protocol, cast

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.config import Config
from storages.backends.s3 import S3Storage

from trustbackup.destinations import network
from trustbackup.destinations.base import DestinationError
from trustbackup.destinations.http_limits import SHORT_ANSWER, Limits, Refused
from trustbackup.destinations.s3.config import S3Config

CONNECTIONS = 3
"""Parts that are under way at a time."""
TRIES = 4
"""Of each request: the first one, and three more after 429, 500, 503 or a cut connection."""
_BLOCK = 1 << 18
"""Bytes that go to the network at a time; urllib3 would take 16 KiB."""


class Client(Protocol):
    """What is used of boto3's client; answers are as boto3 documents them."""

    meta: Any
    limits: Limits

    def put_object(self, **request: object) -> dict[str, Any]: ...
    def create_multipart_upload(self, **request: object) -> dict[str, Any]: ...
    def upload_part(self, **request: object) -> dict[str, Any]: ...
    def complete_multipart_upload(self, **request: object) -> dict[str, Any]: ...
    def abort_multipart_upload(self, **request: object) -> dict[str, Any]: ...
    def get_object(self, **request: object) -> dict[str, Any]: ...
    def head_object(self, **request: object) -> dict[str, Any]: ...
    def delete_object(self, **request: object) -> dict[str, Any]: ...
    def list_objects_v2(self, **request: object) -> dict[str, Any]: ...
    def get_object_lock_configuration(self, **request: object) -> dict[str, Any]: ...
    def get_paginator(self, operation: str) -> Any: ...  # noqa: ANN401
    def close(self) -> None: ...


def new_client(config: S3Config, *, patient: bool = True) -> Client:
    """A boto3 client; ``patient`` ones try again, the others are for a quick answer."""
    storage = S3Storage(
        bucket_name=config.bucket,
        access_key=config.access_key or None,
        secret_key=config.secret_key or None,
        security_token=config.session_token or None,
        session_profile=None,
        region_name=config.region or None,
        endpoint_url=config.endpoint or None,
        addressing_style=config.addressing_style or None,
        use_ssl=True,
        verify=None,  # the system's bundle, or the one that AWS_CA_BUNDLE names
        proxies=None,
        custom_domain=None,
        cloudfront_key_id=None,
        cloudfront_key=None,
        client_config=_client_config(config, patient=patient),
    )
    client = storage.connection.meta.client
    client.limits = Limits() if patient else Limits(SHORT_ANSWER)
    _guard(client, config.allowed_hosts, client.limits)
    return cast("Client", client)


def _client_config(config: S3Config, *, patient: bool) -> Config:
    return Config(
        connect_timeout=config.connect_timeout,
        read_timeout=config.read_timeout if patient else min(config.read_timeout, 15),
        retries={"mode": "standard", "total_max_attempts": TRIES if patient else 1},
        # Content-MD5 is ours: every server checks it, and not all know the newer trailers.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        # Where copies go is said by the destination alone, not by AWS_ENDPOINT_URL as well.
        ignore_configured_endpoint_urls=True,
        max_pool_connections=CONNECTIONS + 1,
        s3={"addressing_style": config.addressing_style} if config.addressing_style else None,
        user_agent_extra="trustbackup",
    )


def _guard(
    client: Any,  # noqa: ANN401 - its inside
    allowed_hosts: tuple[str, ...],
    limits: Limits,
) -> None:
    """Let every connection of a client, after a redirect too, go where it may (network.py)."""

    class Guarded:
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **{**kwargs, "blocksize": _BLOCK})

        def _new_conn(self: Any) -> socket.socket:
            try:
                host, port, timeout = self._dns_host, self.port, self.timeout
                found = network.endpoints(host, port, timeout=timeout, allowed_hosts=allowed_hosts)
                connection = network.connect(host, port, found, timeout=timeout)
            except DestinationError as error:
                if error.permanent:
                    raise Refused(error) from error
                raise
            connection.settimeout(timeout)
            return connection

    bound(client, limits, Guarded)


def bound(client: Any, limits: Limits, also: type = object) -> None:  # noqa: ANN401 - its inside
    """Let every exchange of a client have an end. ``also`` says how a connection is made."""

    class WatchedConnection(also):  # type: ignore[misc]
        response_class = limits.response_class()

        def _new_conn(self) -> socket.socket:
            connection: socket.socket = super()._new_conn()
            limits.watch(connection)
            return connection

    class Plain(WatchedConnection, AWSHTTPConnection):  # type: ignore[misc]
        pass

    class Secure(WatchedConnection, AWSHTTPSConnection):  # type: ignore[misc]
        pass

    class PlainPool(AWSHTTPConnectionPool):  # type: ignore[misc]
        ConnectionCls = Plain

    class SecurePool(AWSHTTPSConnectionPool):  # type: ignore[misc]
        ConnectionCls = Secure

    # botocore has no public way to say how a connection is made. A release that changes this
    # one turns the tests of attack 20 red.
    session = client._endpoint.http_session  # noqa: SLF001
    session._pool_classes_by_scheme.update(http=PlainPool, https=SecurePool)  # noqa: SLF001
    session.send = limits.bound(session.send)
