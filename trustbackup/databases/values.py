"""What engines are handed and what they hand back: plain values, no behaviour."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from trustbackup.store.inventory import Inventory
from trustbackup.store.journal_entry import Strategy
from trustbackup.store.streams import Readable

OpenRaw = Callable[[], AbstractContextManager[Readable]]
"""Opens a raw dump, decompressed, from its beginning; may be called several times."""


OF_SUPERUSER = "TRUSTBACKUP_SUPERUSER"
"""Where the settings of a drill's own server, and no others, have its superuser's login."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What an engine is handed instead of the settings. Times are seconds."""

    wait: float = 30.0
    """How long to wait for a lock that somebody else holds."""
    connect_timeout: float = 10.0
    pooler_console: str = field(default="", repr=False)
    """The address of the console of the PgBouncer before the database; "" for none."""
    label: str = "trustbackup"
    """What sessions on a server are called, so that a dead run's can be found and ended."""


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What an engine can do beyond the contract."""

    in_place: bool = False
    """A database that can't be swapped is restored into itself, in one transaction."""
    leaves_sign: bool = False
    """Before a swap something is put into the new database that is to be removed after it."""
    reads_newer: bool = True
    """What a newer server wrote is restored by an older one as well."""


@dataclass(frozen=True, kw_only=True)
class TableRows:
    """A table and how many rows it has; ``schema`` is "" where there are none."""

    schema: str
    name: str
    rows: int
    fingerprint: str = ""
    """Of its content, when that was asked for and the engine takes it by table."""
    root: str = ""
    """The partitioned table that it is a part of, and that its rows may be loaded through."""


@dataclass(frozen=True, kw_only=True)
class Excused:
    """What a load has told already that could not come back, or was not asked to bring back."""

    objects: frozenset[tuple[str, str]] = frozenset()
    """Kind and name."""
    kinds: frozenset[str] = frozenset()
    """Kinds that were left out altogether."""
    owners: frozenset[str] | None = frozenset()
    """Roles that something could not be given to; None where nobody was to get anything."""
    grants: frozenset[str] | None = frozenset()
    """Names, or kinds, of what rights could not be given on; None where none were to be given."""


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
    inventory: Inventory | None = None
    """What there is besides rows; None when nobody asked, or the engine can't tell."""
    excused: Excused = Excused()
    left_out: frozenset[tuple[str, str]] = frozenset()
    """Schema and name of tables whose rows were left alone; what they hold is not compared."""
    definition: str = ""
    """A fingerprint of all that is defined, when that was asked for."""
    excluded: tuple[str, ...] = ()
    """Of a dump: tables whose rows were left out as it was asked, which count as 0."""


@dataclass(frozen=True, kw_only=True)
class DumpRequest:
    """How to dump. ``content`` takes fingerprints; ``directory`` dumps in parallel."""

    workdir: Path
    """A private folder for what must be a file."""
    content: bool = False
    directory: bool = False
    compare: bool = False
    """Whether to take what a later dump needs to tell that nothing changed: each table's
    fingerprint, and the definition's."""
    excluded: tuple[str, ...] = ()
    """Tables whose rows are left out, with or without their schema; those not there are no
    error."""


@dataclass(frozen=True, kw_only=True)
class LoadRequest:
    """What to load into a new database. ``tables`` empty means all of them."""

    open_raw: OpenRaw
    format: str
    workdir: Path
    tables: tuple[str, ...] = ()
    privileges: bool = True
    """Whether grants come along; their roles must exist then."""
    owners: bool = True
    """Whether everything is given back to its owner, and granted; else the role keeps it."""
    lenient: bool = False
    """A grant to a role that is not there is only noted."""
    filled: frozenset[str] = frozenset()
    """Materialized views that were not empty."""
    for_all: frozenset[tuple[str, str]] = frozenset()
    """Rights and schemas: what everybody may do there, which an archive may lack."""


@dataclass(frozen=True, kw_only=True)
class RoleGaps:
    """What a server lacks of a backup's roles."""

    owners: tuple[str, ...] = ()
    """A clause for each that can't be given what belonged to it."""
    missing: tuple[str, ...] = ()
    """Names of roles that had rights, and are not there."""


@dataclass(frozen=True, kw_only=True)
class Interrupted:
    """A restore that died, as its journal tells; ``marker`` is the engine's own."""

    strategy: Strategy
    new: str
    previous: str
    marker: str
    label: str
    keeps_new: bool = False
    """Whether the new database stays where the old one is live still: it is to follow what was
    restored with it."""


@dataclass(frozen=True, kw_only=True)
class InPlaceRequest:
    """A load into the live database itself: what stays, and what must hold at the end."""

    load: LoadRequest
    app_tables: tuple[str, ...]
    own_app: str
    sessions: str
    """The table of sessions, which are ended."""
    accept: Callable[[Facts], None]
    """Raises to roll everything back."""
    on_commit: Callable[[str], None]
    """Gets the marker, just before the transaction commits."""
    note: Callable[[str], None] = lambda _sentence: None
    """Gets a sentence for each thing that could not come back as it was."""
