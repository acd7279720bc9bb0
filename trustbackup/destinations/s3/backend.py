"""Copies in a bucket of Amazon S3, or of a server that speaks its language."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, cast

from trustbackup.destinations.base import (
    DestinationError,
    Space,
    Step,
    StillLocked,
    StoredFile,
    Written,
    unwatched,
)
from trustbackup.destinations.connection_test import run_steps
from trustbackup.destinations.listing import ListingBackend
from trustbackup.destinations.s3 import requests
from trustbackup.destinations.s3.client import Client, new_client
from trustbackup.destinations.s3.config import S3Config
from trustbackup.destinations.s3.errors import to_destination_error
from trustbackup.destinations.s3.parts import Source
from trustbackup.destinations.s3.probe import S3Probe
from trustbackup.destinations.s3.promises import may_be_locked, must_be_kept, must_be_locked
from trustbackup.destinations.s3.reader import ObjectReader
from trustbackup.destinations.s3.upload import (
    CorruptSource,
    NameTaken,
    abort_abandoned,
    upload,
)
from trustbackup.destinations.uploads import damaged, must_be_ours, other_content
from trustbackup.phrases import gettext as _

_BLOCK = 1 << 20


class S3(ListingBackend):
    """Objects appear whole or not at all; the server checks each, and then we do.

    Every request that carries data has its MD5 with it, which the server compares. What then
    lies there is proven by its size and its ETag, the MD5 that the server itself counted;
    where an ETag is something else (KMS), the object is read back once.
    """

    config: S3Config

    # ----------------------------------------------------------------- connection

    @cached_property
    def _client(self) -> Client:
        with to_destination_error(
            _("%(address)s was not opened", address=self.address), self.config
        ):
            return new_client(self.config)

    def close(self) -> None:
        self.__dict__.pop("_is_tidy", None)
        client: Client | None = self.__dict__.pop("_client", None)
        if client is not None:
            client.close()
            client.limits.close()

    # --------------------------------------------------------------------- copies

    def put(self, source: Path, sha256: str, written: Written = unwatched) -> None:
        name = source.name
        must_be_ours(name)
        what = _("%(name)s was not copied to %(address)s", name=name, address=self.address)
        with Source(source) as file:
            if self._head(name, what) is not None:
                self._must_be_there(file, sha256, what, written)
                self._must_be_as_asked(name)
                return
            self._is_tidy  # noqa: B018 - once for each connection
            try:
                with to_destination_error(what, self.config):
                    upload(
                        self._client,
                        self.config.target(name),
                        file,
                        sha256,
                        self.config.options_of_copy(sha256),
                        written,
                    )
            except CorruptSource:
                raise damaged(name, self.address, at_source=True) from None
            except NameTaken:
                if not self._is_there(file, sha256, what):
                    raise other_content(name, self.address) from None
            else:
                if not self._is_there(file, sha256, what):
                    self._remove_damaged(name)
            self._must_be_as_asked(name)
        written(file.size)

    @cached_property
    def _is_tidy(self) -> bool:
        """Abort what uploads of ours that died have left."""
        abort_abandoned(self._client, self.config.bucket, self.config.folder)
        return True

    def _must_be_there(self, file: Source, sha256: str, what: str, written: Written) -> None:
        """Raises DestinationError unless the object that has the name already is this file."""
        read = 0
        for part in file.parts(lambda _: None):
            written(read)
            read += part.size
        if file.sha256 != sha256:
            raise damaged(file.path.name, self.address, at_source=True)
        if not self._is_there(file, sha256, what):
            raise other_content(file.path.name, self.address)
        written(file.size)

    def _must_be_as_asked(self, name: str) -> None:
        """Raises DestinationError unless the stored object has the lock and the encryption."""
        config = self.config
        if not (config.lock_mode or config.encryption or config.storage_class):
            return
        what = _("%(name)s is at %(address)s, but not as asked", name=name, address=self.address)
        if (head := self._head(name, what)) is not None:
            must_be_kept(head, config, what)
            must_be_locked(head, config, what)

    def _is_there(self, file: Source, sha256: str, what: str) -> bool:
        """Whether the object has the content of a file whose parts were all read."""
        head = self._head(file.path.name, what)
        if head is None or head["ContentLength"] != file.size:
            return False
        if str(head.get("ETag", "")).strip('"') == file.etag:
            return True
        digest = hashlib.sha256()
        with self.open(file.path.name) as there:
            while block := there.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest() == sha256

    def _remove_damaged(self, name: str) -> None:
        try:
            self.delete(name)
        except DestinationError as error:
            raise DestinationError(
                _("%(name)s was not copied to %(address)s", name=name, address=self.address),
                why=_("what arrived there has another checksum, and stays: %(why)s", why=error.why),
                todo=_("Delete it there, then try again."),
                permanent=True,
            ) from error
        raise damaged(name, self.address, at_source=False)

    # ------------------------------------------------------------------- contract

    def open(self, name: str) -> BinaryIO:
        must_be_ours(name)
        what = _("%(name)s was not read from %(address)s", name=name, address=self.address)
        reader = ObjectReader(self._client, self.config.target(name), self.config, what)
        return cast("BinaryIO", io.BufferedReader(reader, _BLOCK))

    def list_named(self, is_wanted: Callable[[str], bool]) -> list[StoredFile]:
        found = []
        what = _("%(address)s was not listed", address=self.address)
        for item in requests.contents(self._client, self.config, what):
            name = item["Key"].removeprefix(self.config.folder)
            if is_wanted(name):
                found.append(StoredFile(name, item["Size"], item["LastModified"].astimezone(UTC)))
        return sorted(found, key=lambda stored: stored.name)

    def stat(self, name: str) -> StoredFile | None:
        must_be_ours(name)
        head = self._head(
            name, _("%(name)s was not looked up at %(address)s", name=name, address=self.address)
        )
        if head is None:
            return None
        return StoredFile(name, head["ContentLength"], head["LastModified"].astimezone(UTC))

    def _head(self, name: str, what: str) -> dict[str, Any] | None:
        return requests.head(self._client, self.config, name, what)

    def delete(self, name: str) -> None:
        must_be_ours(name)
        try:
            requests.delete(self._client, self.config, name)
        except DestinationError as error:
            refused = error.__cause__ or error
            if may_be_locked(refused) and (until := self._locked_until(name)):
                raise StillLocked(error.what, until) from error
            raise

    def _locked_until(self, name: str) -> datetime | None:
        """When the object's lock ends; None when it has none, or nobody may say."""
        with suppress(DestinationError):
            head = self._head(name, "") or {}
            until: datetime | None = head.get("ObjectLockRetainUntilDate")
            if until is not None and until > datetime.now(UTC):
                return until
        return None

    def space(self) -> Space:
        return Space(used=sum(stored.size for stored in self.list()))

    # ----------------------------------------------------------------------- test

    def check(self) -> Iterator[Step]:
        probe = S3Probe(self.config)
        return run_steps(probe.steps(), probe.clean_up, probe.abort)
