"""Storages that guess an encoding from a name, or pack by themselves: here a file stays as it is.

django-storages 1.14 sets Content-Encoding for what is called ".gz", and what then reads it
(Azure's and Google's SDK, ``gzip=True`` of S3) unpacks it: another file than what was saved.
"""

from __future__ import annotations

import copy
from typing import Any

from django.core.files.storage import Storage

_TYPE = "application/octet-stream"
_PARAMETERS: dict[str, dict[str, Any]] = {
    "storages.backends.s3": {"ContentType": _TYPE},
    "storages.backends.azure_storage": {"content_type": _TYPE, "content_encoding": None},
    "storages.backends.gcloud": {"content_type": _TYPE, "content_encoding": None},
}
"""Module of a storage's class → its ``object_parameters``, so that it guesses nothing."""


def as_it_is(storage: Storage) -> Storage:
    """The same storage, or a copy that neither packs nor unpacks; the site's own stays as it is."""
    modules = [each.__module__ for each in type(storage).__mro__]
    known = next((module for module in modules if module in _PARAMETERS), "")
    if not known:
        return storage
    changed: Any = copy.copy(storage)
    changed.object_parameters = {
        **(getattr(storage, "object_parameters", None) or {}),
        **_PARAMETERS[known],
    }
    changed.gzip = False
    return changed  # type: ignore[no-any-return]
