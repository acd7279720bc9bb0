"""What a PostgreSQL database holds besides rows, by its catalogs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.extensions import LeftOut
from trustbackup.databases.postgresql.inventory_queries import (
    COMMENTS,
    LARGE_OBJECTS,
    MEMBERS,
    QUERIES,
    SECURITY_LABELS,
)
from trustbackup.databases.postgresql.restore_items import FILLING
from trustbackup.databases.postgresql.rights import Given
from trustbackup.databases.values import Excused, LoadRequest
from trustbackup.store.inventory import ITS_OWNER, PUBLIC, Inventory, by_kind
from trustbackup.store.manifest import table_label

# "215; 1259 16402 TABLE public shop_order owner": catalog and number of what the entry is about.
_ENTRY = re.compile(r"^\d+; (\d+) (\d+) ", re.MULTILINE)
_COMMENT = re.compile(r"^\d+; \d+ \d+ COMMENT ", re.MULTILINE)
_LABEL = re.compile(r"^\d+; \d+ \d+ SECURITY LABEL ", re.MULTILINE)
_RIGHTS = re.compile(r"^\d+; \d+ \d+ (?:DEFAULT )?ACL ", re.MULTILINE)
_LARGE_OBJECTS = re.compile(r"^\d+; \d+ \d+ BLOB", re.MULTILINE)
_PUBLIC = re.compile(r"^\d+; \d+ \d+ ACL - SCHEMA public ", re.MULTILINE)
_GRANTOR = re.compile(r'/(?:"(?:[^"]|"")*"|[^/"]*)\Z')
_GRANT = re.compile(r'("(?:[^"]|"")*"|[^"=]*)=([a-zA-Z*]*)\Z')
_NEW_IN_17 = re.compile(r"m\*?")
_BY_ROWS = "table"
"""Its tables with rows stand in a manifest by themselves."""
_WITH_THE_WHOLE = ("check", "column", "row security", "forced row security", "user mapping")
"""Kinds that an archive has no numbered entry for, but that of the table or the server."""
_ONLY_GRANTS = ("column", "default rights")
_KINDS_OF_OPTIONS = {
    "--no-comments": "comment",
    "--no-publications": "publication",
    "--no-security-labels": "security label",
    "--no-subscriptions": "subscription",
}
_EXCUSED_IN_ALL = ("COMMENT", "SECURITY LABEL", "TRANSFORM")
"""Kinds of items whose names in an archive are not those of the inventory."""
_KINDS_OF_ITEMS = {"PROCEDURAL LANGUAGE": "language", FILLING: "filled materialized view"}

Key = tuple[int, int]


class CatalogRow(NamedTuple):
    """One row of a query; see ``inventory_queries``."""

    catalog: int
    number: int
    whole_catalog: int
    whole_number: int
    kind: str
    name: str
    owner: str | None
    rights: list[str] | None
    usual: list[str] | None


@dataclass(frozen=True)
class Catalogs:
    """What the queries found in one snapshot."""

    rows: Sequence[CatalogRow]
    comments: Sequence[tuple[int, int, str | None]]
    labels: Sequence[tuple[int, int, str | None, str]]
    """The object, perhaps its column, and the provider of each security label."""
    large_objects: int
    large_object_bytes: int | None

    def everything(self) -> Inventory:
        return self._inventory(
            self.rows, comments=True, labels=True, grants=self.rows, large_objects=True
        )

    def within(self, listing: str) -> Inventory:
        """Only what an archive with this table of contents holds."""
        keys = {(int(found[1]), int(found[2])) for found in _ENTRY.finditer(listing)}
        rows = [row for row in self.rows if _is_within(row, keys)]
        if _PUBLIC.search(listing):
            # Every new database has it; an archive then has only what was granted on it.
            public = [row for row in self.rows if (row.kind, row.name) == ("schema", "public")]
            rows += [row._replace(owner=None) for row in public if row not in rows]
        return self._inventory(
            rows,
            comments=bool(_COMMENT.search(listing)),
            labels=bool(_LABEL.search(listing)),
            grants=rows if _RIGHTS.search(listing) else [row for row in rows if _was_public(row)],
            large_objects=bool(_LARGE_OBJECTS.search(listing)),
        )

    def _inventory(
        self,
        rows: Sequence[CatalogRow],
        *,
        comments: bool,
        labels: bool,
        grants: Sequence[CatalogRow],
        large_objects: bool,
    ) -> Inventory:
        objects = [
            (row.kind, row.name)
            for row in rows
            if row.kind != _BY_ROWS
            and row.kind not in _ONLY_GRANTS
            and (row.kind != "schema" or row.owner)
        ]
        named: Mapping[Key, CatalogRow] = {(row.catalog, row.number): row for row in rows}
        if comments:
            objects += [("comment", name) for (name,) in _named(named, self.comments)]
        if labels:
            found = _named(named, self.labels)
            objects += [("security label", f"{name} by {by}") for name, by in found]
        return Inventory(
            objects=by_kind(objects),
            owners=by_kind((row.owner, label_of(row)) for row in rows if row.owner),
            grants=by_kind(_grants(grants)),
            large_objects=self.large_objects if large_objects else 0,
            large_object_bytes=self.large_object_bytes if large_objects else 0,
        )


def _named(
    rows: Mapping[Key, CatalogRow], about: Sequence[tuple[Any, ...]]
) -> Iterator[tuple[Any, ...]]:
    """What hangs on these rows: the name of each that does, and what else is known of it."""
    for catalog, number, column, *more in about:
        if row := rows.get((catalog, number)):
            yield f"column: {row.name}.{column}" if column else label_of(row), *more


def read_catalogs(cursor: CursorWrapper, *, keep_locks: bool = True) -> Catalogs:
    """Look into the catalogs of the database that the cursor is connected to. DatabaseError.

    Without ``keep_locks``, which takes a transaction, each query's locks on catalogs and their
    indexes are let go of with it: a dump beside this one may need the server's last ones.
    """

    def ask(query: str) -> list[tuple[Any, ...]]:
        if keep_locks:
            cursor.execute(query)
            return list(cursor.fetchall())
        cursor.execute("SAVEPOINT catalogs")
        cursor.execute(query)
        answer = list(cursor.fetchall())
        cursor.execute("ROLLBACK TO SAVEPOINT catalogs; RELEASE SAVEPOINT catalogs")
        return answer

    members: set[Key] = set(ask(MEMBERS))
    rows: list[CatalogRow] = []
    for query in QUERIES:
        answer = ask(
            "SELECT catalog, number, whole_catalog, whole_number, kind, name,"  # noqa: S608
            " pg_get_userbyid(owner), rights::text[],"
            " CASE WHEN rights IS NOT NULL THEN usual::text[] END"
            f" FROM ({query}) found(catalog, number, whole_catalog, whole_number, kind, name,"
            " owner, rights, usual)"
        )
        found = [CatalogRow(*row) for row in answer]
        rows += [
            row
            for row in found
            if members.isdisjoint(((row[0], row[1]), (row.whole_catalog, row.whole_number)))
        ]
    comments, labels = ask(COMMENTS), ask(SECURITY_LABELS)
    ((number, readable, size),) = ask(LARGE_OBJECTS)
    large_object_bytes = int(size or 0) if readable == number else None
    return Catalogs(rows, comments, labels, number, large_object_bytes)


def excused(
    left: Sequence[LeftOut], given: Given | None, options: Sequence[str], request: LoadRequest
) -> Excused:
    """What a load left out, by what it has told; ``given`` is None where nothing was given."""
    kinds = {kind for option, kind in _KINDS_OF_OPTIONS.items() if option in options}
    kinds |= {one.item.kind.lower() for one in left if one.item.kind in _EXCUSED_IN_ALL}
    short = "".join(option for option in options if re.fullmatch("-[Ox]+", option))
    no_owners = given is None or "--no-owner" in options or "O" in short
    no_grants = given is None or not request.privileges or "x" in short
    no_grants = no_grants or bool({"--no-privileges", "--no-acl"}.intersection(options))
    return Excused(
        objects=frozenset(
            (
                _KINDS_OF_ITEMS.get(one.item.kind, one.item.kind.lower()),
                table_label(
                    one.item.schema.replace("-", ""), one.item.name.removeprefix("USER MAPPING ")
                ),
            )
            for one in left
        ),
        kinds=frozenset(kinds),
        owners=None if no_owners or given is None else given.owners,
        grants=None if no_grants or given is None else given.grants,
    )


def label_of(row: CatalogRow) -> str:
    return f"{row.kind}: {row.name}"


def _is_within(row: CatalogRow, keys: set[Key]) -> bool:
    if row.kind in _WITH_THE_WHOLE:
        return (row.whole_catalog, row.whole_number) in keys
    return (row.catalog, row.number) in keys


def _was_public(row: CatalogRow) -> bool:
    """Whether it has the rights that no archive holds, because it was made with the server."""
    return row.kind == "schema" and bool(row.whole_catalog)


def _grants(rows: Sequence[CatalogRow]) -> Iterator[tuple[str, str]]:
    """Pairs of rights and what bears them, where they are not the usual ones."""
    for row in rows:
        if row.rights is not None and (text := _unusual(row.rights, row.usual or [], row.owner)):
            yield text, label_of(row)


def _unusual(rights: Sequence[str], usual: Sequence[str], owner: str | None) -> str:
    """What these rights add to the usual ones, or take from them, by role.

    Who granted them is left out, and so is whether a newer server's right is among them.
    """
    now, then = _by_role(rights), _by_role(usual)
    return ", ".join(
        f"{ITS_OWNER if role == owner else role}={now.get(role, '')}"
        for role in sorted(now.keys() | then.keys())
        if now.get(role) != then.get(role)
    )


def _by_role(rights: Sequence[str]) -> dict[str, str]:
    """``web=arw/owner`` and ``=r/owner`` as role → rights."""
    found: dict[str, str] = {}
    for item in rights:
        if one := _GRANT.match(_GRANTOR.sub("", item)):
            role = one[1][1:-1].replace('""', '"') if one[1].startswith('"') else one[1]
            given = found.get(role or PUBLIC, "") + _NEW_IN_17.sub("", one[2])
            found[role or PUBLIC] = given
    return found
