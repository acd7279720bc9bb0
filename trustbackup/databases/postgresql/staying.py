"""Which entries of an archive a restore in place leaves out: what stays in the live database."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from django.db.backends.utils import CursorWrapper

# "215; 1259 16402 TABLE public shop_order owner"
_ENTRY = re.compile(r"^\d+; \d+ \d+ (?P<rest>.*)$", re.MULTILINE)
_OF_A_TABLE = (
    *("TABLE DATA", "TABLE", "FK CONSTRAINT", "CHECK CONSTRAINT", "CONSTRAINT", "DEFAULT"),
    *("TRIGGER", "RULE", "POLICY", "ROW SECURITY"),
)
"""Kinds of entries whose name begins with that of their table, as a word: "NAME NAME_pkey"."""
_BESIDE_A_TABLE = ("SEQUENCE OWNED BY", "SEQUENCE SET", "SEQUENCE", "INDEX ATTACH", "INDEX")
"""Kinds of entries that have a name of their own, which mostly begins with their table's."""
_ABOUT = ("COMMENT", "ACL", "SECURITY LABEL")
"""Kinds of entries whose name is "TABLE NAME", "COLUMN NAME.COLUMN" or "CONSTRAINT C ON NAME"."""


def without_what_stays(listing: str, own: Sequence[str], cursor: CursorWrapper) -> str:
    """The table of contents ``listing`` without these tables, and without what is there anyhow.

    Raises DatabaseError.
    """
    there = _there(cursor)
    beside, of_others = _beside(cursor, own)
    return without(listing, own, there | beside, of_others)


def without(
    listing: str,
    own: Sequence[str],
    there: Collection[tuple[str, str]],
    of_others: Collection[str] = (),
) -> str:
    """Comment out the entries of these tables, of what hangs on them, and of what is there.

    An index or a sequence whose name begins with that of one of these tables hangs on it, unless
    it is one of ``of_others``, or another table has a longer name that it begins with.
    """
    spaced = [name for kind, name in there if kind == "SCHEMA" and " " in name]
    subjects = {_subject(found["rest"], spaced) for found in _ENTRY.finditer(listing)}
    others = {name for kind, name in subjects if kind == "TABLE"} - set(own)
    tables = sorted({*own, *others}, key=len, reverse=True)

    def hangs(name: str) -> bool:
        of = next((table for table in tables if name.startswith(f"{table}_")), "")
        return of in own and name not in of_others

    def stays(rest: str) -> bool:
        kind, name = _subject(rest, spaced)
        if kind in _BESIDE_A_TABLE:
            return (kind.split()[0], name) in there or hangs(name)
        if kind in (*_OF_A_TABLE, "COLUMN"):
            return name.split(".")[0] in own
        words = rest.removeprefix("COMMENT - ").split(" ")
        start = 1 if len(words) < len(rest.split(" ")) else 2
        # The owner comes last, and a name may have spaces.
        ends = range(start + 1, len(words))
        return any((words[0], " ".join(words[start:end])) in there for end in ends)

    def keep(match: re.Match[str]) -> str:
        return f";{match[0]}" if stays(match["rest"]) else match[0]

    return _ENTRY.sub(keep, listing)


def _subject(rest: str, spaced: Sequence[str] = ()) -> tuple[str, str]:
    """What an entry is about: the kind, and the first word of the name.

    Names of ours, and of Django, have no spaces; some schemas have.
    """
    about = next((kind for kind in _ABOUT if rest.startswith(f"{kind} ")), "")
    if about:
        kind, _, name = _after_schema(rest[len(about) + 1 :], spaced).partition(" ")
        if " ON " in name:
            return "TABLE", name.partition(" ON ")[2].partition(" ")[0]
        return kind, name.partition(" ")[0]
    kinds = (*_OF_A_TABLE, *_BESIDE_A_TABLE)
    kind = next((one for one in kinds if rest.startswith(f"{one} ")), rest.partition(" ")[0])
    return kind, _after_schema(rest[len(kind) + 1 :], spaced).partition(" ")[0]


def _after_schema(text: str, spaced: Sequence[str]) -> str:
    found = next((name for name in spaced if text.startswith(f"{name} ")), "")
    return text[len(found) + 1 :] if found else text.partition(" ")[2]


def _there(cursor: CursorWrapper) -> set[tuple[str, str]]:
    """Schemas, extensions and subscriptions of the live database.

    They stay: the app's own tables may lie in them, and few roles may make them again.
    """
    cursor.execute(
        "SELECT 'SCHEMA', nspname FROM pg_namespace"
        " UNION ALL SELECT 'EXTENSION', extname FROM pg_extension"
        " UNION ALL SELECT 'SUBSCRIPTION', subname FROM pg_subscription"
        " WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return {(kind, name) for kind, name in cursor.fetchall()}


def _beside(cursor: CursorWrapper, tables: Sequence[str]) -> tuple[set[tuple[str, str]], set[str]]:
    """The indexes and sequences of these tables, whatever somebody called them, and all others."""
    cursor.execute(
        """
        WITH own AS (SELECT to_regclass(quote_ident(name)) AS oid FROM unnest(%s::text[]) name)
        SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'INDEX' END, c.relname,
            i.indrelid IN (SELECT oid FROM own) OR EXISTS (
                SELECT FROM pg_depend d JOIN own ON d.refobjid = own.oid
                WHERE c.relkind = 'S' AND d.objid = c.oid AND d.deptype IN ('a', 'i')
                  AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass)
        FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
        WHERE c.relkind IN ('i', 'I', 'S') AND c.oid >= 16384
        """,
        [list(tables)],
    )
    found = cursor.fetchall()
    own = {(kind, name) for kind, name, is_own in found if is_own}
    return own, {name for _kind, name, _own in found} - {name for _kind, name in own}
