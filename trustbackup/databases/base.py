"""The contract of a database engine: dump it, describe it, and build its replacement."""

from __future__ import annotations

import abc
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Self

from trustbackup.databases.manual import ManualCommands
from trustbackup.databases.row_access import RowAccess
from trustbackup.databases.values import (
    Capabilities,
    DumpRequest,
    Facts,
    InPlaceRequest,
    Interrupted,
    LoadRequest,
    OpenRaw,
    Options,
    RoleGaps,
)
from trustbackup.exceptions import RestoreError, TrustbackupError
from trustbackup.phrases import gettext as _
from trustbackup.store.journal_entry import Strategy
from trustbackup.store.streams import BLOCK, Readable


class Dump(abc.ABC):
    """A dump under way: first read it to its end, then ask for its facts."""

    connector: str
    tool_version: str
    format: str
    suffix: str
    """Of the raw file: ``dump``, or ``dump.tar`` for a folder of files."""
    estimate: int
    """Raw bytes to expect, roughly; 0 when it is not known."""
    step: ClassVar[int] = BLOCK
    """Bytes that may be compressed at a time while its dumper waits for the processor."""

    @abc.abstractmethod
    def readinto(self, buffer: memoryview, /) -> int:
        """Put the dump's next bytes into ``buffer``; how many, 0 at the end.

        Raises DumpError, at the end too, when the dump failed.
        """

    @abc.abstractmethod
    def facts(self, open_raw: OpenRaw) -> Facts:
        """What the dump holds, taken in its own snapshot. Raises DumpError.

        ``open_raw`` gives what was written, for engines that look inside.
        """


class Replacement(abc.ABC):
    """A database beside the live one, to be filled, compared and swapped in.

    As a context manager it drops the new database unless it was swapped in or is to stay.
    """

    name: str
    notes: list[str]
    """A sentence for each thing that could not come back as it was."""

    @abc.abstractmethod
    def create(self) -> None:
        """Make it, empty, with what belongs to the live one but to no dump. RestoreError."""

    @abc.abstractmethod
    def load(self, request: LoadRequest) -> None:
        """Fill it. Raises RestoreError; the live database is untouched."""

    @abc.abstractmethod
    def facts(self, *, content: bool = False) -> Facts:
        """What it holds now, with fingerprints if ``content``."""

    @abc.abstractmethod
    def problems(self) -> list[str]:
        """A sentence for each broken foreign key and each sequence that lags behind."""

    @abc.abstractmethod
    def carry_over(self, tables: Sequence[str], app: str) -> None:
        """Bring these tables as they are now in the live database, with their app's
        migrations, into the new one, instead of those that it has."""

    @abc.abstractmethod
    def empty(self, table: str) -> None:
        """Delete all rows of a table, if it is there."""

    @abc.abstractmethod
    def marker(self) -> str:
        """Leave in it what nobody else can give to the live one; ask just before ``swap``.

        ``Database.recover`` tells by it whether the swap was done.
        """

    @abc.abstractmethod
    def previous_marker(self) -> str:
        """By what ``Database.check_previous`` will know the old one; ask before ``swap``."""

    @abc.abstractmethod
    def swap(self, previous_name: str) -> None:
        """Take the live one's place, at once; the live one is kept as ``previous_name``."""

    @abc.abstractmethod
    def drop(self) -> None:
        """Remove it if it was made here, unless it was swapped in or kept by ``stay()``."""

    @abc.abstractmethod
    def stay(self, name: str) -> None:
        """Give it the name that it is wanted under, at once; ``drop()`` leaves it then."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            self.drop()
        except TrustbackupError:
            # What went wrong first is what the operator must hear of.
            if kind is None:
                raise


class Database(ManualCommands, RowAccess, abc.ABC):
    """One database of the site, by its alias in ``DATABASES``."""

    engine: ClassVar[str]
    """The name that a manifest records."""
    label: ClassVar[str]
    """What people call it."""
    capabilities: ClassVar[Capabilities] = Capabilities()
    formats: ClassVar[Mapping[str, tuple[int, bytes]]]
    """What a raw dump can be → where in it which bytes stand, by which it is known."""

    def __init__(self, alias: str, options: Options) -> None:
        self.alias = alias
        self.options = options

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """The database's name, or its file's path."""

    @abc.abstractmethod
    def identity(self) -> tuple[str, ...]:
        """What tells the database from every other, whatever the settings call it.

        Raises RestoreError when it can't be asked.
        """

    @abc.abstractmethod
    def dump(self, request: DumpRequest) -> AbstractContextManager[Dump]:
        """Start a dump. Raises DumpError."""

    @abc.abstractmethod
    def replacement(self, name: str, *, existing: bool = False) -> Replacement:
        """A database beside the live one; ``existing`` adopts one that is there."""

    @abc.abstractmethod
    def facts(self, *, count: bool = True) -> Facts | None:
        """What the live database holds; None when there is none, or nothing in it.

        Without ``count`` every table has 0 rows: counting takes long.
        """

    @abc.abstractmethod
    def has_rows(self, besides: Collection[str] = ()) -> bool:
        """Whether the live database is there and holds any row; quick, whatever its size.

        Tables named in ``besides`` do not count.
        """

    @abc.abstractmethod
    def names_for_restore(self, stamp: str) -> tuple[str, str]:
        """Names for the new database, and for the old one that is kept."""

    def free_names(self, moment: datetime) -> tuple[str, str]:
        """The same for a restore at ``moment`` (UTC); never those of one in the same second."""
        second = f"{moment:%Y%m%d_%H%M%S}"
        for stamp in (second, *(f"{second}_{number}" for number in range(2, 1000))):
            new, previous = self.names_for_restore(stamp)
            if not self.exists(new) and not self.exists(previous):
                return new, previous
        raise RestoreError(
            _("Database %(alias)r was not restored", alias=self.alias),
            why=_("no name is left for the old one in this second"),
            todo=_("Try again."),
        )

    def unfinished_name(self, name: str, moment: datetime) -> str:
        """What a database that is to be ``name`` is called until it ``stays``."""
        return self.free_names(moment)[0]

    @abc.abstractmethod
    def scratch_name(self, stamp: str, folder: Path) -> str:
        """A name for a scratch database; in ``folder``, which is private, if it is a file."""

    @abc.abstractmethod
    def inspect(self, raw: Readable, format: str) -> str:  # noqa: A002 - the manifest's word
        """What is wrong with a raw dump that has no manifest, or ""."""

    @abc.abstractmethod
    def why_not_swap(self) -> str:
        """Why no database can be made beside the live one and swapped in; "" if it can."""

    def why_not_scratch(self) -> str:
        """Why no database can be made beside the live one for a drill; "" if it can."""
        return self.why_not_swap()

    def role_gaps(self, owners: Collection[str], grantees: Collection[str]) -> RoleGaps:
        """Which of a backup's roles its server lacks, or can't be given anything by ours."""
        return RoleGaps()

    @abc.abstractmethod
    def room_for(self, raw_bytes: int) -> str:
        """What is wrong with the room for a new database of that size, or ""."""

    @abc.abstractmethod
    def address(self, name: str) -> dict[str, object]:
        """What to change in the alias's settings so that it means database ``name``."""

    @abc.abstractmethod
    def exists(self, name: str) -> bool:
        """Whether there is a database of that name beside the live one."""

    @abc.abstractmethod
    def is_own_name(self, name: str, folder: Path) -> bool:
        """Whether restores and drills of this database make databases of such names.

        ``folder`` is what ``scratch_name`` gets.
        """

    @abc.abstractmethod
    def check_previous(self, name: str, marker: str) -> None:
        """Look whether ``name`` is the old database that a restore kept, whole and not empty.

        ``marker`` is ``Replacement.previous_marker()`` of that restore. Raises RestoreError.
        """

    @abc.abstractmethod
    def is_previous(self, name: str, marker: str) -> bool:
        """Whether ``name`` may be removed: it is what that restore kept, or not there at all."""

    def why_not_in_place(self) -> str:
        """Why the live database can't be restored in place; "" if it can."""
        return ""

    def cautions(self, _strategy: Strategy) -> list[str]:
        """What a restore this way means to others, who follow the database: a sentence each."""
        return []

    def forget_swap(self, label: str) -> None:
        """Remove what ``Replacement.marker()`` of this restore has left in the live database."""
        return

    @abc.abstractmethod
    def remove(self, name: str) -> list[str]:
        """Drop a database that was kept; what is left to do, a sentence each. RestoreError."""

    @abc.abstractmethod
    def recover(self, interrupted: Interrupted) -> bool:
        """After a crash: True when the restored state is in place, False when the old one.

        Ends what the dead run left running, and removes what it left half done; the new database,
        too, unless it ``keeps_new``.
        """

    def restore_in_place(self, request: InPlaceRequest) -> Facts:
        """Replace the live database's content in one transaction. Raises RestoreError."""
        raise RestoreError(
            _("Database %(alias)r was not restored", alias=self.alias),
            why=_("%(engine)s is not restored in place", engine=self.engine),
            todo=_("Leave --in-place out: it is swapped, which is as safe."),
        )

    @contextmanager
    def scratch_server(self) -> Iterator[Database]:
        """This database on a throw-away server, for a drill where none may be created."""
        if why := self.why_not_swap():
            raise RestoreError(
                _("Database %(alias)r can't be drilled", alias=self.alias),
                why=why,
                todo=_("Give the role that right, then try again."),
            )
        yield self

    def check(self, *, ask_server: bool) -> list[tuple[str, str]]:
        """What would stop a dump of this database: pairs of problem and remedy.

        Only with ``ask_server`` may it connect.
        """
        return []
