"""Copies in any of the site's storages: an alias of Django's ``STORAGES``.

A storage publishes nothing at once: while a file is saved, some show a part of it under its
name. What is saved is read back and compared, and removed when it is not the same; a backup is
one only when its manifest is there too, which goes last.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, ClassVar, cast
from urllib.parse import quote

from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

from trustbackup.destinations.base import (
    Capabilities,
    Destination,
    DestinationError,
    Step,
    Stored,
    Written,
    unwatched,
)
from trustbackup.destinations.steps import SAMPLE, run_steps, sample_name
from trustbackup.destinations.storage_errors import Explaining, explained
from trustbackup.destinations.uploads import damaged, must_be_ours, other_content
from trustbackup.phrases import gettext as _
from trustbackup.store import durable, names
from trustbackup.store.streams import sha256_of

_BLOCK = 1 << 20
_IN_MEMORY = 8 << 20
"""Bytes of a file that a storage of django-storages may keep in memory while it is read."""


@dataclass(frozen=True, kw_only=True)
class StorageConfig:
    """Which storage, and which folder in it; "" is the storage's own."""

    alias: str
    folder: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", self.folder.strip("/"))
        if any(part in ("", ".", "..") for part in self.folder.split("/") if self.folder):
            raise DestinationError(
                _("The storage can't be used"),
                why=_("the folder has a part that is empty or only dots"),
                todo=_("Correct the folder."),
                permanent=True,
            )

    @property
    def address(self) -> str:
        folder = f"/{quote(self.folder)}" if self.folder else ""
        return f"storage://{quote(self.alias, safe='')}{folder}"


class _Watched(File):  # type: ignore[type-arg]
    """A file that tells how far it was read."""

    def __init__(self, file: BinaryIO, name: str, written: Written) -> None:
        super().__init__(file, name)
        self._source = file
        self._written = written

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._written(self._source.tell())
        return data

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        self._source.seek(0)
        while block := self.read(chunk_size or _BLOCK):
            yield block


class DjangoStorage(Destination):
    """Files in a storage, each under the name that was asked for or not at all."""

    kind: ClassVar[str] = "storage"
    capabilities: ClassVar[Capabilities] = Capabilities()

    def __init__(self, config: StorageConfig, storage: Storage | None = None) -> None:
        """``storage`` is used in place of the alias's."""
        self.config = config
        self._given = storage

    @property
    def address(self) -> str:
        return self.config.address

    @cached_property
    def storage(self) -> Storage:
        with explained(_("%(address)s was not opened", address=self.address)):
            storage = self._given or storages[self.config.alias]
            if hasattr(storage, "max_memory_size"):
                # 0, the default of some, keeps whole files in memory. A copy, so that the
                # site's own storage stays as it is.
                storage = copy.copy(storage)
                storage.max_memory_size = storage.max_memory_size or _IN_MEMORY
            return storage

    def _path(self, name: str) -> str:
        return f"{self.config.folder}/{name}" if self.config.folder else name

    # ------------------------------------------------------------------- contract

    def put(self, source: Path, sha256: str, written: Written = unwatched) -> None:
        name = source.name
        must_be_ours(name)
        with durable.open_regular(source) as file:
            if self.stat(name) is not None:
                if self._sha256(name) != sha256:
                    raise other_content(name, self.address)
            else:
                self._save(file, name, written)
                self._must_have_arrived(source, sha256)
            written(file.seek(0, 2))

    def _save(self, file: BinaryIO, name: str, written: Written) -> None:
        path = self._path(name)
        try:
            what = _("%(name)s was not copied to %(address)s", name=name, address=self.address)
            with explained(what):
                stored_as = self.storage.save(path, _Watched(file, path, written))
        except BaseException:
            # A part of it may be there. Nobody else writes a file of that name.
            self._remove(path)
            raise
        if stored_as != path:
            # Somebody was quicker, and the storage chose another name for ours.
            self._remove(stored_as)
            raise other_content(name, self.address)

    def _must_have_arrived(self, source: Path, sha256: str) -> None:
        name = source.name
        if self._sha256(name) == sha256:
            return
        where = self.address
        what = _("%(name)s is damaged at %(where)s, and was not removed", name=name, where=where)
        with explained(what):
            self.storage.delete(self._path(name))
        at_source = sha256_of(source) != sha256
        raise damaged(name, self.address, at_source=at_source)

    def _remove(self, path: str) -> None:
        with suppress(Exception):
            self.storage.delete(path)

    def _sha256(self, name: str) -> str:
        digest = hashlib.sha256()
        with self.open(name) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest()

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        must_be_ours(name)
        what = _("%(name)s was not read from %(address)s", name=name, address=self.address)
        with explained(what):
            opened = self.storage.open(self._path(name), "rb")
        with opened as file:
            yield cast("BinaryIO", Explaining(file, what))

    def list(self) -> list[Stored]:
        with explained(_("%(address)s was not listed", address=self.address)):
            _folders, files = self.storage.listdir(self.config.folder)
            ours = sorted(name for name in files if names.parse(name))
        # One that vanished meanwhile is not there.
        return [stored for stored in map(self.stat, ours) if stored]

    def stat(self, name: str) -> Stored | None:
        must_be_ours(name)
        path = self._path(name)
        what = _("%(name)s was not looked up at %(address)s", name=name, address=self.address)
        with explained(what):
            if not self.storage.exists(path):
                return None
            try:
                return Stored(name, self.storage.size(path), self._modified(path))
            except FileNotFoundError:
                return None

    def _modified(self, path: str) -> datetime | None:
        try:
            moment = self.storage.get_modified_time(path)
        except NotImplementedError:
            return None
        return moment.astimezone(UTC)

    def delete(self, name: str) -> None:
        must_be_ours(name)
        with self._deleting(name), suppress(FileNotFoundError):
            self.storage.delete(self._path(name))

    def _deleting(self, name: str) -> AbstractContextManager[None]:
        what = _("%(name)s was not deleted from %(address)s", name=name, address=self.address)
        return explained(what)

    # ----------------------------------------------------------------------- test

    def check(self) -> Iterator[Step]:
        sample = self._path(sample_name())
        saved: list[str] = []

        def open_storage() -> str:
            return type(self.storage).__name__

        def write() -> None:
            with explained(_("A test file was not written to %(address)s", address=self.address)):
                saved.append(self.storage.save(sample, ContentFile(SAMPLE)))

        def read_back() -> None:
            what = _("The test file was not read back from %(address)s", address=self.address)
            with explained(what), self.storage.open(saved[0], "rb") as file:
                content = file.read()
            if content != SAMPLE:
                raise DestinationError(what, why=_("it has another content"), permanent=True)

        def list_folder() -> None:
            self.list()

        def delete() -> None:
            with self._deleting(saved[0]):
                self.storage.delete(saved.pop())

        def clean_up() -> None:
            for path in saved:
                self._remove(path)

        steps = [
            ("storage", open_storage),
            ("write", write),
            ("read back", read_back),
            ("list", list_folder),
            ("delete", delete),
        ]
        return run_steps(steps, clean_up)
