"""Whether an identity opens an encrypted file, told by its beginning: nothing else is read."""

from __future__ import annotations

import io
from dataclasses import dataclass

from trustbackup.exceptions import ManifestError
from trustbackup.phrases import gettext as _
from trustbackup.store import age
from trustbackup.store.identities import Identities

ENOUGH = (16 << 10) + (130 << 10)
"""Bytes: the longest header, and two of the blocks of 64 KiB that are authenticated together."""


@dataclass
class _Sink:
    """Counts what comes out, and keeps none of it."""

    size: int = 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


def opens(head: bytes, known: Identities, name: str) -> bool:
    """Whether one of these identities opens the file that begins so: it gave its key out, and the
    first block was proven by it to be what was written.

    ``head`` is the file's beginning, ``ENOUGH`` of it or all. Raises ManifestError where it is no
    encrypted file, or its first block is damaged; ConfigurationError.
    """
    pyrage = age.library()
    if not age.is_encrypted(head):
        raise _damaged(name, _("it is not encrypted"))
    sink = _Sink()
    try:
        pyrage.decrypt_io(io.BytesIO(head), sink, list(known.keys))
    except (pyrage.DecryptError, OSError) as error:
        if "matching keys" in str(error):
            return False
        if not sink.size:
            why = _("it is truncated or damaged (%(error)s)", error=error)
            raise _damaged(name, why) from error
    return True


def _damaged(name: str, why: str) -> ManifestError:
    return ManifestError(
        _("%(name)s can't be decrypted", name=name),
        why=why,
        todo=_("Use another backup, or another copy of this one."),
    )
