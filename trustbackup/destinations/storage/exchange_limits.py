"""django-storages' storages at S3, Azure and Google with an end to each exchange (http_limits.py).

Azure's and Google's libraries send by ``requests``, whose sessions take an adapter of ours. Neither
has a public way to its session.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from django.core.files.storage import Storage

from trustbackup.destinations.http_limits import Limits

_S3, _AZURE, _GOOGLE = (f"storages.backends.{name}" for name in ("s3", "azure_storage", "gcloud"))


def with_limits(storage: Storage, limits: Limits) -> Storage:
    """The same storage, or a copy whose exchanges end; the site's own stays as it is.

    ``limits`` are those of all connections that it makes from now on. They are not to be final:
    threads of boto3's own read files, and what is no Exception would leave them waiting.
    """
    for module, bound in _BOUNDS.items():
        if _is_of(storage, module):
            bounded: Any = copy.copy(storage)
            bound(bounded, limits)
            return bounded  # type: ignore[no-any-return]
    return storage


def is_bounded(storage: Storage) -> bool:
    """Whether it is one of those that ``with_limits`` knows."""
    return any(_is_of(storage, module) for module in _BOUNDS)


def is_s3(storage: Storage) -> bool:
    """Whether it is django-storages' S3Storage, or a class of the site's that derives from it."""
    return _is_of(storage, _S3)


def _is_of(storage: Storage, module: str) -> bool:
    return any(each.__module__ == module for each in type(storage).__mro__)


def _bound_s3(storage: Any, limits: Limits) -> None:  # noqa: ANN401 - an S3Storage
    create = storage._create_session  # noqa: SLF001 - it has no public way

    def create_session() -> Any:  # noqa: ANN401 - a boto3 Session
        from trustbackup.destinations.s3.client import bound

        session = create()
        resource = session.resource

        def bounded(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - a ServiceResource
            made = resource(*args, **kwargs)
            bound(made.meta.client, limits)
            return made

        session.resource = bounded
        return session

    storage._create_session = create_session  # noqa: SLF001


def _bound_azure(storage: Any, limits: Limits) -> None:  # noqa: ANN401 - an AzureStorage
    storage._service_client = storage._client = None  # noqa: SLF001 - the site's own
    create = storage._get_service_client  # noqa: SLF001 - it has no public way

    def create_client() -> Any:  # noqa: ANN401 - a BlobServiceClient
        client = create()
        transport = client._pipeline._transport  # noqa: SLF001 - nor has that
        transport.open()
        _bound_session(transport.session, limits, _is_azures_object)
        return client

    storage._get_service_client = create_client  # noqa: SLF001


def _is_azures_object(method: str, query: dict[str, list[str]]) -> bool:
    """https://learn.microsoft.com/rest/api/storageservices/get-blob"""
    return method == "GET" and "comp" not in query


def _bound_google(storage: Any, limits: Limits) -> None:  # noqa: ANN401 - a GoogleCloudStorage
    storage._client = storage._bucket = None  # noqa: SLF001 - the site's own
    _bound_session(storage.client._http, limits, _is_googles_object)  # noqa: SLF001 - as above


def _is_googles_object(method: str, query: dict[str, list[str]]) -> bool:
    """https://cloud.google.com/storage/docs/json_api/v1/objects/get"""
    return method == "GET" and query.get("alt") == ["media"]


def _bound_session(
    session: Any,  # noqa: ANN401 - a requests.Session
    limits: Limits,
    is_object: Callable[[str, dict[str, list[str]]], bool],
) -> None:
    from trustbackup.destinations.storage.bounded_adapter import BoundedAdapter

    for scheme in ("https://", "http://"):
        session.mount(scheme, BoundedAdapter(limits, is_object, session.get_adapter(scheme)))


_BOUNDS = {_S3: _bound_s3, _AZURE: _bound_azure, _GOOGLE: _bound_google}
"""Module of a storage's class → how its exchanges get their end."""
