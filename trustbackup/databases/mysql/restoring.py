"""The half of a MySQL or MariaDB database that restores: schemas beside, their swap, their end."""

from __future__ import annotations

import contextlib
import shutil
import socket
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from django.db import DatabaseError
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.base import Database, Replacement
from trustbackup.databases.mysql import names
from trustbackup.databases.mysql.address import Address, server_of
from trustbackup.databases.mysql.beside import rows, scalar, session
from trustbackup.databases.mysql.errors import translate
from trustbackup.databases.mysql.grants import BESIDE, accounts, lacking, may_set_definer, me
from trustbackup.databases.mysql.names import quote
from trustbackup.databases.mysql.objects import list_objects, list_tables, read_definitions
from trustbackup.databases.mysql.programs import MARIADB, MYSQL
from trustbackup.databases.mysql.replacement import MySQLReplacement
from trustbackup.databases.mysql.rights import read_grants
from trustbackup.databases.mysql.swap import (
    drop_if_empty,
    end_sessions,
    exists,
    finish,
    make_missing,
)
from trustbackup.databases.mysql.swap_table import SwapTable
from trustbackup.databases.room import no_room
from trustbackup.databases.values import Capabilities, Interrupted, RoleGaps
from trustbackup.exceptions import NothingKept, RestoreError
from trustbackup.phrases import gettext as _
from trustbackup.store.journal_entry import Strategy

_STAMP = "20260101_000000"
_OLDEST = {MARIADB: (10, 6, 1), MYSQL: (8, 0, 0)}
"""From which version a rename of many tables is done whole or not at all."""
_NOT_RENAMED = ("MRG_MYISAM", "FEDERATED", "CONNECT", "SPIDER", "NDBCLUSTER")
"""Engines whose tables name others, or lie elsewhere."""


class MySQLRestoring(Database):
    """See Database."""

    capabilities = Capabilities(leaves_sign=True)

    @contextlib.contextmanager
    def _asking(self, schema: str | None = None) -> Iterator[CursorWrapper]:
        what = _("Database %(alias)r can't be read", alias=self.alias)
        with translate(RestoreError, what), self._anywhere(schema) as cursor:
            yield cursor

    @contextlib.contextmanager
    def _anywhere(self, schema: str | None = None) -> Iterator[CursorWrapper]:
        with session(Address(self.alias, self.options), schema or "") as cursor:
            yield cursor

    def names_for_restore(self, stamp: str) -> tuple[str, str]:
        return (
            names.beside(self.name, f"restore_{stamp}"),
            names.beside(self.name, f"before_{stamp}"),
        )

    def scratch_name(self, stamp: str, folder: Path) -> str:
        return names.beside(self.name, f"drill_{stamp}")

    def replacement(self, name: str, *, existing: bool = False) -> Replacement:
        return MySQLReplacement(
            Address(self.alias, self.options),
            live=self.name,
            name=name,
            existing=existing,
        )

    def address(self, name: str) -> dict[str, object]:
        return {"NAME": name}

    def exists(self, name: str) -> bool:
        with self._asking() as cursor:
            return exists(cursor, name)

    def is_own_name(self, name: str, folder: Path) -> bool:
        return names.is_beside(self.name, name)

    def why_not_scratch(self) -> str:
        with self._asking() as cursor:
            return self._no_schema_beside(cursor, self.scratch_name(f"{_STAMP}_000000", Path()))

    def why_not_swap(self) -> str:
        with self._asking() as cursor:
            return (
                self._too_old(cursor)
                or self._no_schema_beside(cursor, self.names_for_restore(_STAMP)[0])
                or self._not_to_be_renamed(cursor)
                or self._not_to_be_made_again(cursor)
            )

    def _too_old(self, cursor: CursorWrapper) -> str:
        server = server_of(cursor)
        if server.number >= _OLDEST[server.family]:
            return ""
        return _("server %(version)s renames its tables one by one", version=server.version)

    def _no_schema_beside(self, cursor: CursorWrapper, name: str) -> str:
        missing = lacking(read_grants(cursor), BESIDE, name)
        if not missing:
            return ""
        return _(
            "the role may not make a schema beside it (it lacks %(rights)s on %(pattern)s)",
            rights=", ".join(missing),
            pattern=f"`{names.pattern(self.name)}`.*",
        )

    def _not_to_be_renamed(self, cursor: CursorWrapper) -> str:
        for table, engine in rows(
            cursor,
            "SELECT TABLE_NAME, UPPER(ENGINE) FROM information_schema.TABLES"
            " WHERE TABLE_SCHEMA = %s AND ENGINE IS NOT NULL",
            [self.name],
        ):
            if engine in _NOT_RENAMED:
                return _("table %(table)s is of engine %(engine)s", table=table, engine=engine)
        for table, schema, other in rows(
            cursor,
            "SELECT REFERENCED_TABLE_NAME, TABLE_SCHEMA, TABLE_NAME FROM"
            " information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_SCHEMA = %s"
            " AND TABLE_SCHEMA <> %s",
            [self.name, self.name],
        ):
            if not names.is_beside(self.name, schema):
                return _(
                    "a foreign key of %(other)s points to its table %(table)s, and would follow the"
                    " old one",
                    other=f"{schema}.{other}",
                    table=table,
                )
        return ""

    def _not_to_be_made_again(self, cursor: CursorWrapper) -> str:
        kinds = {kind for kind, _name in list_objects(cursor, self.name)}
        wanted = {
            "trigger": ["TRIGGER"],
            "event": ["EVENT"],
            "view": ["CREATE VIEW", "SHOW VIEW", "DROP"],
            "function": ["CREATE ROUTINE", "ALTER ROUTINE"],
            "procedure": ["CREATE ROUTINE", "ALTER ROUTINE"],
        }
        needed = [right for kind in wanted if kind in kinds for right in wanted[kind]]
        if missing := lacking(read_grants(cursor), dict.fromkeys(needed), self.name):
            return _(
                "the role lacks %(rights)s on %(schema)s, which its objects take",
                rights=", ".join(missing),
                schema=self.name,
            )
        try:
            read_definitions(cursor, self.name, "")
        except RestoreError as error:
            return error.why
        return ""

    def cautions(self, strategy: Strategy) -> list[str]:
        if strategy is not Strategy.SWAP:
            return []
        with self._asking() as cursor:
            if may_set_definer(read_grants(cursor)) or not exists(cursor, self.name):
                return []
            mine = me(cursor)
            others = [
                one
                for one in read_definitions(cursor, self.name, "")
                if one.definer not in ("", mine)
            ]
        return [
            _(
                "The %(kind)s %(name)s of the live database belongs to %(definer)s: an undo makes"
                " it again for the site's account, which may give it to nobody else (SET USER).",
                kind=one.kind,
                name=one.name,
                definer=one.definer,
            )
            for one in others
        ]

    def role_gaps(self, owners: Collection[str], grantees: Collection[str]) -> RoleGaps:
        with self._asking() as cursor:
            mine, may = me(cursor), may_set_definer(read_grants(cursor))
            there = accounts(cursor)
        gaps = []
        for owner in sorted(set(owners) - {"", mine}):
            if not may:
                gaps.append(
                    _("the site's account may give nothing to %(owner)s (SET USER)", owner=owner)
                )
            elif there is not None and owner not in there:
                gaps.append(_("the server has no account %(owner)s", owner=owner))
        return RoleGaps(owners=tuple(gaps))

    def room_for(self, raw_bytes: int) -> str:
        """Only a server on this machine shows its disk, and only to those it trusts."""
        with contextlib.suppress(DatabaseError, OSError), self._anywhere() as cursor:
            folder = Path(str(scalar(cursor, "SELECT @@datadir") or ""))
            here = str(scalar(cursor, "SELECT @@hostname") or "") == socket.gethostname()
            if here and folder.is_absolute() and folder.is_dir():
                size = int(
                    scalar(
                        cursor,
                        "SELECT COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) FROM"
                        " information_schema.TABLES WHERE TABLE_SCHEMA = %s",
                        [self.name],
                    )
                )
                free, needed = shutil.disk_usage(folder).free, max(size, raw_bytes)
                if free < needed:
                    return no_room(folder, free, needed)
        return ""

    def check_previous(self, name: str, marker: str) -> None:
        what, todo = _("%(name)s is not put back", name=name), _("Restore a backup instead.")
        with translate(RestoreError, what), self._anywhere() as cursor:
            if not exists(cursor, name):
                raise RestoreError(
                    what,
                    why=_("the old database %(name)s is not there any more", name=name),
                    todo=todo,
                )
            table = SwapTable(cursor, name)
            if not table.exists() or table.previous_marker() != marker:
                raise RestoreError(what, why=_("it is not what the restore kept"), todo=todo)
            wanted = table.tables()
            lost = sorted(set(wanted) - set(list_tables(cursor, name)))
        if not wanted:
            raise NothingKept(what, why=_("it is empty"), todo=todo)
        if lost:
            raise RestoreError(
                what, why=_("its table %(table)s is not there any more", table=lost[0]), todo=todo
            )

    def is_previous(self, name: str, marker: str) -> bool:
        what = _("Database %(name)r was not removed", name=name)
        with translate(RestoreError, what), self._anywhere() as cursor:
            if not exists(cursor, name):
                return True
            table = SwapTable(cursor, name)
            return table.exists() and table.previous_marker() == marker

    def forget_swap(self, label: str) -> None:
        what = _("Database %(alias)r can't be written", alias=self.alias)
        with translate(RestoreError, what), self._anywhere(self.name) as cursor:
            SwapTable(cursor, self.name).drop()

    def remove(self, name: str) -> list[str]:
        what = _("Database %(name)r was not removed", name=name)
        with translate(RestoreError, what), self._anywhere() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {quote(name)}")
        return []

    def recover(self, interrupted: Interrupted) -> bool:
        what = _("Database %(alias)r can't be looked at", alias=self.alias)
        with translate(RestoreError, what), self._anywhere() as cursor:
            end_sessions(cursor, interrupted.new, time.sleep)
            table = SwapTable(cursor, self.name)
            swapped = table.exists() and table.sign() == interrupted.marker != ""
            if swapped:
                self._finish(cursor, interrupted)
            else:
                self._take_back(cursor, interrupted)
        return swapped

    def _finish(self, cursor: CursorWrapper, interrupted: Interrupted) -> None:
        """The tables are the new ones: make what belongs to them."""
        wanted = SwapTable(cursor, self.name).definitions()
        there = read_definitions(cursor, self.name, "")
        finish(cursor, self.name, wanted, there)
        if exists(cursor, interrupted.new):
            drop_if_empty(cursor, interrupted.new)

    def _take_back(self, cursor: CursorWrapper, interrupted: Interrupted) -> None:
        """The tables are the old ones: make again what was dropped, remove what was begun."""
        previous = interrupted.previous
        if previous and exists(cursor, previous):
            old_table = SwapTable(cursor, previous)
            if old_table.exists():
                if exists(cursor, self.name):
                    make_missing(cursor, self.name, old_table.definitions())
                old_table.drop()
            drop_if_empty(cursor, previous)
        goes = interrupted.strategy is not Strategy.UNDO and not interrupted.keeps_new
        if goes and exists(cursor, interrupted.new):
            cursor.execute(f"DROP DATABASE {quote(interrupted.new)}")
