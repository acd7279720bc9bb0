"""The configuration of a folder as a destination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote

from trustbackup.destinations.url import only_path, wrong_address
from trustbackup.phrases import gettext as _


@dataclass(frozen=True)
class FolderConfig:
    """An absolute path. Its last part is made; a missing parent is a disk that is not there."""

    path: Path = field(metadata={"missing": _("its folder is missing")})

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))

    @property
    def address(self) -> str:
        return self.path.as_uri() if self.path.is_absolute() else f"file:{self.path}"


def from_url(url: SplitResult, _environ: Mapping[str, str]) -> FolderConfig:
    """Raises DestinationError."""
    only_path(url)
    if url.netloc not in ("", "localhost") or not url.path.startswith("/"):
        raise wrong_address(
            _("it names no folder of this machine"), _("Write file:///path/of/the/folder.")
        )
    return FolderConfig(Path(unquote(url.path)))
