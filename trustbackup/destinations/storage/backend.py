"""Copies in any of the site's storages: an alias of Django's ``STORAGES``.

A storage publishes nothing at once: while a file is saved, some show a part of it under its
name. What is saved is read back and compared, and removed when it is not the same; a backup is
one only when its manifest is there too, which goes last.
"""

from __future__ import annotations

import copy
import gzip
import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, storages

from trustbackup.destinations.base import (
    DestinationError,
    Step,
    StillLocked,
    StoredFile,
    Written,
    unwatched,
)
from trustbackup.destinations.connection_test import SAMPLE, run_steps, sample_name
from trustbackup.destinations.http_limits import Limits
from trustbackup.destinations.listing import ListingBackend
from trustbackup.destinations.storage.config import StorageConfig
from trustbackup.destinations.storage.encoding import as_it_is
from trustbackup.destinations.storage.errors import TranslatingFile, not_there, to_destination_error
from trustbackup.destinations.storage.exchange_limits import is_bounded, with_limits
from trustbackup.destinations.storage.s3_locks import locked_until
from trustbackup.destinations.storage.watched_file import WatchedFile
from trustbackup.destinations.uploads import damaged, must_be_ours, other_content
from trustbackup.phrases import gettext as _
from trustbackup.store import durable, manifest, names
from trustbackup.store.streams import sha256_of

_BLOCK = 1 << 20
_IN_MEMORY = 8 << 20
"""Bytes of a file that a storage of django-storages may keep in memory while it is read."""


class DjangoStorage(ListingBackend):
    """Files in a storage, each under the name that was asked for or not at all."""

    config: StorageConfig

    def __init__(self, config: StorageConfig, storage: Storage | None = None) -> None:
        """``storage`` is used in place of the alias's."""
        super().__init__(config)
        self._given = storage
        self._limits = Limits(final=False)
        self._sizes: dict[str, int] = {}
        """Bytes of the files that were looked up."""

    @cached_property
    def storage(self) -> Storage:
        with to_destination_error(_("%(address)s was not opened", address=self.address)):
            storage = self._given or storages[self.config.alias]
            if hasattr(storage, "max_memory_size"):
                # 0, the default of some, keeps whole files in memory. A copy, so that the
                # site's own storage stays as it is.
                storage = copy.copy(storage)
                storage.max_memory_size = storage.max_memory_size or _IN_MEMORY
            storage = with_limits(as_it_is(storage), self._limits)
            if isinstance(storage, FileSystemStorage):
                # Django's default lets all users of the machine read what is saved.
                storage = copy.copy(storage)
                modes = {"file_permissions_mode": 0o600, "directory_permissions_mode": 0o700}
                storage.__dict__.update(modes)
            return storage

    @property
    def local_folder(self) -> Path | None:
        with to_destination_error(_("%(address)s was not opened", address=self.address)):
            try:
                return Path(self.storage.path(self.config.folder))
            except NotImplementedError:
                return None

    def _path(self, name: str) -> str:
        return f"{self.config.folder}/{name}" if self.config.folder else name

    # ------------------------------------------------------------------- contract

    def put(self, source: Path, sha256: str, written: Written = unwatched) -> None:
        name = source.name
        must_be_ours(name)
        with durable.open_regular(source) as file:
            there = self.stat(name)
            if there is not None and self._is_cut_short(there, file):
                self.delete(name)
                there = None
            if there is None:
                file.seek(0)
                self._save(file, name, written)
                self._must_have_arrived(source, sha256)
            elif self._is_longer(name, file) or self._sha256(name) != sha256:
                raise other_content(name, self.address)
            written(file.seek(0, 2))

    def _is_cut_short(self, there: StoredFile, file: BinaryIO) -> bool:
        """Whether what is there is a beginning of this file: of a copy that was killed."""
        if there.size >= file.seek(0, 2):
            return False
        file.seek(0)
        with self.open(there.name) as begun:
            while block := begun.read(_BLOCK):
                if file.read(len(block)) != block:
                    return False
        return True

    def _save(self, file: BinaryIO, name: str, written: Written) -> None:
        path = self._path(name)
        watched = WatchedFile(file, path, written)
        try:
            what = _("%(name)s was not copied to %(address)s", name=name, address=self.address)
            with to_destination_error(what):
                stored_as = self.storage.save(path, watched)
        except BaseException:
            # A part of it may be there; no other program writes a file of that name.
            self._remove(path)
            if watched.cancelled is not None:
                raise watched.cancelled from None
            raise
        if stored_as != path:
            # Another process was quicker, and the storage chose another name for ours.
            self._remove(stored_as)
            raise other_content(name, self.address)
        if watched.cancelled is not None:
            self._remove(path)
            raise watched.cancelled

    def _must_have_arrived(self, source: Path, sha256: str) -> None:
        name = source.name
        with durable.open_regular(source) as file:
            is_longer = self.stat(name) is not None and self._is_longer(name, file)
        if not is_longer and self._sha256(name) == sha256:
            return
        where = self.address
        what = _("%(name)s is damaged at %(where)s, and was not removed", name=name, where=where)
        with to_destination_error(what):
            self.storage.delete(self._path(name))
        at_source = sha256_of(source) != sha256
        raise damaged(name, self.address, at_source=at_source)

    def _is_longer(self, name: str, file: BinaryIO) -> bool:
        """Whether what was looked up has more bytes than this file: it need not be read then.

        Of a storage that nobody knows, what it calls a size may be another one.
        """
        return is_bounded(self.storage) and self._sizes[name] > file.seek(0, 2)

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
        with ExitStack() as stack:
            if is_bounded(self.storage):
                stack.enter_context(self._limits.reading(self._most_of(name)))
            with to_destination_error(what):
                file = stack.enter_context(self.storage.open(self._path(name), "rb"))
            yield cast("BinaryIO", TranslatingFile(file, what))

    def _most_of(self, name: str) -> int:
        """Bytes that may be read of a file: its library reads all of it before we see any."""
        parsed = names.parse(name)
        if parsed is not None and not parsed.is_data:
            return manifest.LARGEST
        if name not in self._sizes:
            self.stat(name)
        return self._sizes.get(name, 0)

    def list_named(self, is_wanted: Callable[[str], bool]) -> list[StoredFile]:
        with to_destination_error(_("%(address)s was not listed", address=self.address)):
            try:
                _folders, files = self.storage.listdir(self.config.folder)
            except FileNotFoundError as error:
                raise not_there(self.storage, self.address) from error
            # Azure's of django-storages tells them with their folder, and those of folders in it.
            named = {name.removeprefix(self._path("")) for name in files}
            ours = sorted(name for name in filter(is_wanted, named))
        # One that vanished meanwhile is not there.
        return [stored for stored in map(self.stat, ours) if stored]

    def stat(self, name: str) -> StoredFile | None:
        must_be_ours(name)
        path = self._path(name)
        what = _("%(name)s was not looked up at %(address)s", name=name, address=self.address)
        with to_destination_error(what):
            if not self.storage.exists(path):
                return None
            try:
                stored = StoredFile(name, self.storage.size(path), self._modified(path))
            except FileNotFoundError:
                return None
            self._sizes[name] = stored.size
            return stored

    def _modified(self, path: str) -> datetime | None:
        try:
            moment = self.storage.get_modified_time(path)
        except NotImplementedError:
            return None
        return moment.astimezone(UTC)

    def delete(self, name: str) -> None:
        must_be_ours(name)
        path = self._path(name)
        try:
            with self._deleting(name), suppress(FileNotFoundError):
                self.storage.delete(path)
        except DestinationError as error:
            if until := locked_until(self.storage, path, error.__cause__):
                raise StillLocked(error.what, until) from error
            raise

    def _deleting(self, name: str) -> AbstractContextManager[None]:
        what = _("%(name)s was not deleted from %(address)s", name=name, address=self.address)
        return to_destination_error(what)

    # ----------------------------------------------------------------------- test

    def check(self) -> Iterator[Step]:
        # Named and made like a real file: some storages unpack what is called .gz.
        sample = self._path(f"{sample_name()}.dump.gz")
        packed = gzip.compress(SAMPLE)
        saved: list[str] = []

        def open_storage() -> str:
            return type(self.storage).__name__

        def write() -> None:
            with to_destination_error(
                _("A test file was not written to %(address)s", address=self.address)
            ):
                saved.append(self.storage.save(sample, ContentFile(packed)))

        def read_back() -> None:
            what = _("The test file was not read back from %(address)s", address=self.address)
            with to_destination_error(what), self.storage.open(saved[0], "rb") as file:
                content = file.read()
            if content == SAMPLE:
                raise DestinationError(
                    what,
                    why=_("the storage unpacks what is called .gz when it is read"),
                    todo=_("Have it set no Content-Encoding (object_parameters), and gzip=False."),
                    permanent=True,
                )
            if content != packed:
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

        return run_steps(steps, clean_up, self._abort)

    def _abort(self) -> None:
        self._limits.end()
