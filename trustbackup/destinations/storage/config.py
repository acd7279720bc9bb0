"""The configuration of a Django storage as a destination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, unquote

from trustbackup.destinations.base import DestinationError
from trustbackup.destinations.url import only_path
from trustbackup.phrases import gettext as _


@dataclass(frozen=True, kw_only=True)
class StorageConfig:
    """Which storage, and which folder in it; "" is the storage's own."""

    alias: str = field(metadata={"missing": _("its alias is missing")})
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


def from_url(url: SplitResult, _environ: Mapping[str, str]) -> StorageConfig:
    """Raises DestinationError."""
    only_path(url)
    return StorageConfig(alias=unquote(url.netloc), folder=unquote(url.path))
