"""What a server promised for an object, asked back from the object that it has stored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from trustbackup.destinations.base import DestinationError
from trustbackup.destinations.s3.config import S3Config
from trustbackup.destinations.s3.errors import code_of, no_lock
from trustbackup.phrases import gettext as _

_CLOCKS = timedelta(hours=1)
"""By which this machine's clock and the server's may differ."""
_MAY_BE_LOCKED = {"AccessDenied", "InvalidRequest", "MethodNotAllowed", "ObjectLocked", "403"}
"""What servers answer to who deletes an object that is locked, and to others, too."""


def must_be_kept(head: Mapping[str, Any], config: S3Config, what: str) -> None:
    """Raises DestinationError unless HEAD tells of the encryption and class that were asked for.

    A server that drops what it does not know answers yes, too, and stores something else.
    """
    _must_be(head.get("ServerSideEncryption"), config.encryption, _("encryption"), what)
    if config.kms_key and not str(head.get("SSEKMSKeyId", "")).endswith(config.kms_key):
        _must_be(head.get("SSEKMSKeyId"), config.kms_key, _("KMS key"), what)
    # The standard class is not told.
    stored = head.get("StorageClass") or "STANDARD"
    _must_be(stored, config.storage_class, _("storage class"), what)


def must_be_locked(head: Mapping[str, Any], config: S3Config, what: str) -> None:
    """Raises DestinationError unless HEAD tells that nobody can delete a copy as long as asked."""
    if not config.lock_mode:
        return
    until = head.get("ObjectLockRetainUntilDate")
    wanted = head["LastModified"] + timedelta(days=config.lock_days) - _CLOCKS
    if head.get("ObjectLockMode") != config.lock_mode or until is None or until < wanted:
        raise no_lock(what)


def may_be_locked(error: BaseException) -> bool:
    """Whether a lock may be why an object was not deleted; ``error`` is boto3's.

    Who has the wrong key, or no bucket, gets no other answer by asking more.
    """
    return code_of(error) in _MAY_BE_LOCKED


def _must_be(found: object, wanted: str, name: str, what: str) -> None:
    if wanted and found != wanted:
        raise DestinationError(
            what,
            why=_(
                "the server took it, and its %(name)s is %(found)s instead of %(wanted)s",
                name=name,
                found=found or _("none"),
                wanted=wanted,
            ),
            todo=_("Choose what this service offers, or another service."),
            permanent=True,
        )
