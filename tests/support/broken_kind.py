"""Kinds of destinations whose libraries raise what they like, and repeat the secret in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NoReturn
from urllib.parse import SplitResult

from django.core.files.storage import Storage

from trustbackup.destinations.base import DestinationBackend, Step, StoredFile, Written, unwatched
from trustbackup.destinations.kind import DestinationKind


@dataclass(frozen=True)
class BrokenConfig:
    """``error`` is the name of a built-in exception, ``at`` the method that raises it."""

    error: str
    at: str = "put"
    token: str = field(default="", repr=False)

    @property
    def address(self) -> str:
        return f"broken://{self.error}/{self.at}"


def from_url(url: SplitResult, environ: Mapping[str, str]) -> BrokenConfig:
    return BrokenConfig(url.path.strip("/").split("/")[0], token=environ["TOKEN_OF_THE_TESTS"])


class Broken(DestinationBackend):
    config: BrokenConfig

    def __init__(self, config: BrokenConfig) -> None:
        super().__init__(config)
        self._may_raise("__init__")

    def _may_raise(self, method: str) -> None:
        if self.config.at == method:
            import builtins

            error: Any = getattr(builtins, self.config.error)
            raise error(f"no luck with https://x/?sig=1 and {self.config.token}")

    def put(self, source: Path, sha256: str, written: Written = unwatched) -> None:
        self._may_raise("put")

    def open(self, name: str) -> NoReturn:
        raise KeyError(name)

    def list(self) -> list[StoredFile]:
        self._may_raise("list")
        return []

    def stat(self, name: str) -> StoredFile | None:
        self._may_raise("stat")
        return None

    def delete(self, name: str) -> None:
        self._may_raise("delete")

    def check(self) -> Iterator[Step]:
        self._may_raise("check")
        yield Step("works", ok=True, seconds=0.0)


KIND = DestinationKind(
    name="broken",
    label="Broken",
    configuration=BrokenConfig,
    backend=Broken,
    scheme="broken",
    from_url=from_url,
    secrets=("token",),
)
UNINSTALLED = DestinationKind(
    name="uninstalled",
    label="Not installed",
    configuration=BrokenConfig,
    backend="a_library_that_is_not_here.Backend",
    scheme="uninstalled",
    from_url=from_url,
)


class BrokenStorage(Storage):
    """A storage of Django's that fails in its own ways."""

    def exists(self, name: str) -> bool:
        raise AttributeError("'NoneType' object has no attribute 'bucket'")

    def listdir(self, path: str) -> Any:
        raise KeyError("Contents")

    def _open(self, name: str, mode: str = "rb") -> BinaryIO:
        raise KeyError(name)
