"""What a manifest says of an archive of files. Pure, as the manifest is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trustbackup.phrases import gettext as _
from trustbackup.store.members import list_of_texts, members_of

_FILES = _("the files of a part")


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """How many there are, and what did not go as it should. ``bytes`` are of the files' content."""

    name: str
    """What the settings call the folder."""
    folder: str
    """Where it was."""
    files: int
    folders: int
    links: int
    bytes: int
    changed: int
    """Files that were written to while they were read."""
    vanished: int
    unreadable: int
    special: int
    """Pipes, sockets and devices, which are never in an archive."""
    named: tuple[str, ...]
    """The first of these, as ``changed: a/path``."""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def amiss(self) -> int:
        """How many files are not in the archive as they are on the disk."""
        return self.changed + self.vanished + self.unreadable


def read_file_facts(document: object) -> FileFacts | None:
    """Raises ManifestError."""
    if document is None:
        return None
    values: dict[str, Any] = members_of(document, FileFacts, _FILES)
    for name in ("named", "include", "exclude"):
        values[name] = list_of_texts(values[name], name)
    return FileFacts(**values)
