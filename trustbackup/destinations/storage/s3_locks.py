"""When the lock ends of an object that django-storages' S3Storage was refused to delete."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from trustbackup.destinations.storage.exchange_limits import is_s3


def locked_until(storage: Any, path: str, error: BaseException | None) -> datetime | None:  # noqa: ANN401 - an S3Storage, or any other
    """An aware moment to come; None when it has no lock, or the storage is another kind.

    ``error`` is what the storage raised: most of what a server may say is about no lock.
    """
    if error is None or not is_s3(storage):
        return None
    from trustbackup.destinations.s3.promises import may_be_locked

    if not may_be_locked(error):
        return None
    # Where the server does not tell of a lock, the refusal is a failure as anywhere else.
    with suppress(Exception), storage.open(path, "rb") as file:
        until: datetime | None = file.obj.object_lock_retain_until_date
        if until is not None and until > datetime.now(UTC):
            return until
    return None
