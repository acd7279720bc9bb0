"""django-storages' S3Storage with an end to each exchange, as ours with S3 has (s3/limits.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.files.storage import Storage

if TYPE_CHECKING:
    from trustbackup.destinations.s3.limits import Limits

_MODULE = "storages.backends.s3"


def with_limits(storage: Storage, limits: list[Limits]) -> Storage:
    """The same storage, which must be a copy of ours if it is an S3Storage, and then is changed.

    ``limits`` gets those of each connection that it makes from now on.
    """
    if is_s3(storage):
        _bound_connections(storage, limits)
    return storage


def is_s3(storage: Storage) -> bool:
    """Whether it is django-storages' S3Storage, or a class of the site's that derives from it."""
    return any(each.__module__ == _MODULE for each in type(storage).__mro__)


def _bound_connections(storage: Any, limits: list[Limits]) -> None:  # noqa: ANN401 - an S3Storage
    create = storage._create_session  # noqa: SLF001 - it has no public way

    def create_session() -> Any:  # noqa: ANN401 - a boto3 Session
        from trustbackup.destinations.s3.client import bound
        from trustbackup.destinations.s3.limits import Limits

        session = create()
        resource = session.resource

        def bounded(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - a ServiceResource
            made = resource(*args, **kwargs)
            # Threads of boto3's own read files: what is no Exception would leave them waiting.
            limits.append(Limits(final=False))
            bound(made.meta.client, limits[-1])
            return made

        session.resource = bounded
        return session

    storage._create_session = create_session  # noqa: SLF001
