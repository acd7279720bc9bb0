"""What engines are handed and what they hand back: plain values, no behaviour."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from trustbackup.store.streams import Readable

OpenRaw = Callable[[], AbstractContextManager[Readable]]
"""Opens a raw dump, decompressed, from its beginning; may be called several times."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What an engine is handed instead of the settings. Times are seconds."""

    wait: float = 30.0
    """How long to wait for a lock that somebody else holds."""
    connect_timeout: float = 10.0
    label: str = "trustbackup"
    """What sessions on a server are called, so that a dead run's can be found and ended."""


@dataclass(frozen=True, kw_only=True)
class TableRows:
    """A table and how many rows it has; ``schema`` is "" where there are none."""

    schema: str
    name: str
    rows: int
    fingerprint: str = ""
    """Of its content, when that was asked for and the engine takes it by table."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is true of a database at one instant: of a dump, of its snapshot."""

    database: str
    encoding: str
    server_version: str
    tables: tuple[TableRows, ...]
    migrations: tuple[tuple[str, str], ...]
    fingerprint: str = ""
    """Of the whole content, when that was asked for and the engine takes it as one."""


@dataclass(frozen=True, kw_only=True)
class DumpRequest:
    """How to dump. ``content`` takes fingerprints; ``directory`` dumps in parallel."""

    workdir: Path
    """A private folder for what must be a file."""
    content: bool = False
    directory: bool = False


@dataclass(frozen=True, kw_only=True)
class LoadRequest:
    """What to load into a new database. ``tables`` empty means all of them."""

    open_raw: OpenRaw
    format: str
    workdir: Path
    tables: tuple[str, ...] = ()
    privileges: bool = True
    """Whether grants come along; their roles must exist then."""


NOT_YET = "-"
"""The marker of a restore that had not come to the step which changes the live database."""


@dataclass(frozen=True, kw_only=True)
class Interrupted:
    """A restore that died, as its journal tells; ``marker`` is the engine's own."""

    strategy: str
    new: str
    kept: str
    marker: str
    label: str


@dataclass(frozen=True, kw_only=True)
class InPlaceRequest:
    """A load into the live database itself: what stays, and what must hold at the end."""

    load: LoadRequest
    own_tables: tuple[str, ...]
    own_app: str
    sessions: str
    """The table of sessions, which are ended."""
    accept: Callable[[Facts], None]
    """Raises to roll everything back."""
    on_commit: Callable[[str], None]
    """Gets the marker, just before the transaction commits."""
