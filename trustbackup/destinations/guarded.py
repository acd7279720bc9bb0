"""Whatever a destination's library raises is one sentence, so that it stops no other destination.

Each kind explains what it knows of its own libraries. What is left is explained here: the type of
the error and its words, without the secrets of the configuration.
"""

from __future__ import annotations

import builtins
import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from trustbackup.destinations.base import (
    DestinationBackend,
    DestinationError,
    Space,
    Step,
    StoredFile,
    Written,
    unwatched,
)
from trustbackup.exceptions import TrustbackupError
from trustbackup.phrases import gettext as _

logger = logging.getLogger(__name__)
_LONGEST = 200
_QUERY = re.compile(r"\?\S*")
_PASSES = (OSError, EOFError, MemoryError)
"""What another try may help against; the rest is a setting that a library can't use, or a bug."""


@contextmanager
def translating_surprises(what: str, secrets: Iterable[str] = ()) -> Iterator[None]:
    """Turn what is no error of ours into a DestinationError that begins with ``what``."""
    try:
        yield
    except TrustbackupError:
        raise
    except Exception as error:
        why = _reason(error, secrets)
        logger.warning("%s: %s", what, why)
        raise DestinationError(
            what,
            why=why,
            todo=_("Check the destination's settings, then test its connection."),
            permanent=not isinstance(error, _PASSES),
        ) from None  # its own text may hold a secret


def _reason(error: Exception, secrets: Iterable[str]) -> str:
    said = " ".join(_QUERY.sub("", str(error)).split())
    for secret in secrets:
        said = said.replace(secret, "…")
    said = said[:_LONGEST].rstrip(".")
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


class _GuardedFile:
    def __init__(self, file: BinaryIO, guarded: Guarded) -> None:
        self._file = file
        self._guarded = guarded

    def read(self, size: int = -1) -> bytes:
        with self._guarded.translating():
            return self._file.read(size)


class Guarded(DestinationBackend):
    """A backend, in whose every method only errors of ours come out."""

    def __init__(self, backend: DestinationBackend, secrets: Iterable[str] = ()) -> None:
        super().__init__(backend.config)
        self.backend = backend
        self._secrets = [secret for secret in secrets if secret]

    def translating(self) -> AbstractContextManager[None]:
        try:
            what = _("%(address)s was not used", address=self.backend.address)
        except Exception:
            what = _("The destination can't be used")
        return translating_surprises(what, self._secrets)

    @property
    def address(self) -> str:
        with self.translating():
            return self.backend.address

    @property
    def local_folder(self) -> Path | None:
        with self.translating():
            return self.backend.local_folder

    @property
    def second_look_after(self) -> float:
        return self.backend.second_look_after

    def put(self, source: Path, sha256: str, written: Written = unwatched) -> None:
        with self.translating():
            self.backend.put(source, sha256, written)

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        with ExitStack() as stack:
            with self.translating():
                file = stack.enter_context(self.backend.open(name))
            yield cast("BinaryIO", _GuardedFile(file, self))

    def list(self) -> list[StoredFile]:
        with self.translating():
            return self.backend.list()

    def list_objects(self) -> builtins.list[StoredFile]:
        with self.translating():
            return self.backend.list_objects()

    def stat(self, name: str) -> StoredFile | None:
        with self.translating():
            return self.backend.stat(name)

    def delete(self, name: str) -> None:
        with self.translating():
            self.backend.delete(name)

    def check(self) -> Iterator[Step]:
        try:
            with self.translating():
                yield from self.backend.check()
        except TrustbackupError as error:
            yield Step("settings", ok=False, seconds=0.0, detail=str(error))

    def space(self) -> Space:
        with self.translating():
            return self.backend.space()

    def close(self) -> None:
        with self.translating():
            self.backend.close()
