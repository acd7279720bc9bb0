"""What a database has besides the site's own things, and what its role may do with that.

An extension may be a superuser's to make, or be bound to one database of its server. It is left
where it is, or left out with a note; it never ends a restore in which nothing needs it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.configured import OWNED
from trustbackup.databases.postgresql.restore_items import FILLING, Item
from trustbackup.databases.postgresql.session import quote_name, scalar
from trustbackup.phrases import gettext as _
from trustbackup.store.manifest import table_label

NO_ROWS = (
    *("EXTENSION", "COMMENT", "SECURITY LABEL", "EVENT TRIGGER", "DEFAULT ACL"),
    *("PUBLICATION", "PUBLICATION TABLE", "PUBLICATION TABLES IN SCHEMA", "SUBSCRIPTION"),
    FILLING,
    *("PROCEDURAL LANGUAGE", "FOREIGN DATA WRAPPER", "SERVER", "USER MAPPING", "TRANSFORM"),
)
"""Kinds of items without which every row can come back."""
_TABLE = re.compile(r"^\d+; \d+ \d+ (?:TABLE DATA|SEQUENCE SET) (\S+) (\S+) \S+$")
_NOT_TO_BE_MADE = f"""
    WITH RECURSIVE {OWNED}
    SELECT e.extname, EXISTS (
        SELECT FROM owned o JOIN pg_depend d
            ON d.refclassid = o.classid AND d.refobjid = o.objid AND d.deptype = 'n'
        WHERE o.extension = e.oid
          AND NOT EXISTS (SELECT FROM owned x WHERE x.classid = d.classid AND x.objid = d.objid)
          AND NOT EXISTS (SELECT FROM pg_rewrite r JOIN owned x
              ON x.classid = 'pg_class'::regclass AND x.objid = r.ev_class
              WHERE d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid))
    FROM pg_extension e
    JOIN pg_available_extensions a ON a.name = e.extname
    JOIN pg_available_extension_versions v ON v.name = a.name AND v.version = a.default_version
    WHERE e.extname = 'pg_cron' OR v.superuser AND NOT v.trusted
          AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
    ORDER BY 2 DESC, 1
"""  # noqa: S608 - all of it is ours
_CONFIGURED = """
    SELECT n.nspname, c.relname, coalesce(e.extcondition[position], ''), c.relkind = 'r',
        CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'UPDATE')
            ELSE has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'DELETE') END
    FROM pg_extension e, unnest(e.extconfig) WITH ORDINALITY AS item(table_oid, position)
    JOIN pg_class c ON c.oid = table_oid AND c.relkind IN ('r', 'S')
    JOIN pg_namespace n ON n.oid = c.relnamespace
    ORDER BY 1, 2
"""


@dataclass(frozen=True)
class LeftOut:
    """An item that was not made, and why."""

    item: Item
    why: str

    @property
    def is_view(self) -> bool:
        """Whether it is a materialized view that stays empty."""
        return self.item.kind == FILLING

    @property
    def note(self) -> str:
        if self.is_view:
            return _(
                "Materialized view %(name)s could not be filled: %(why)s.",
                name=table_label(self.item.schema, self.item.name),
                why=self.why,
            )
        return _(
            "%(kind)s %(name)s was left out: %(why)s.",
            kind=self.item.kind.capitalize(),
            name=self.item.name,
            why=self.why,
        )


def why_not_made(cursor: CursorWrapper, *, needed: bool) -> str:
    """The clause for an extension that the role can't make in a new database; "" if there is none.

    Only those that the site's own objects need, if ``needed``.
    """
    cursor.execute(_NOT_TO_BE_MADE)
    names = [name for name, in_use in cursor.fetchall() if in_use or not needed]
    if not names:
        return ""
    return _("its role can't make the extension %(name)s in another database", name=names[0])


def without_missing(listing: str, cursor: CursorWrapper) -> tuple[str, frozenset[tuple[str, str]]]:
    """An archive's list without the rows of tables that are not there, and those tables."""
    missing = set()
    lines = []
    for line in listing.splitlines():
        found = _TABLE.match(line)
        if found and not _is_there(cursor, *found.groups()):
            missing.add(found.groups())
            line = f";{line}"  # noqa: PLW2901 - as pg_restore's manual comments out
        lines.append(line)
    return "\n".join(lines) + "\n", frozenset((schema, name) for schema, name in missing)


def _is_there(cursor: CursorWrapper, schema: str, name: str) -> bool:
    full = f"{quote_name(schema)}.{quote_name(name)}"
    return bool(scalar(cursor, "SELECT to_regclass(%s) IS NOT NULL", full))


def make_way(cursor: CursorWrapper, listing: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """Before a load in place: delete what an archive has of the tables of extensions.

    Those that the role may not change stay as they are: the list without them, and their names.
    """
    cursor.execute(_CONFIGURED)
    untouched = set()
    for schema, name, condition, has_rows, may in cursor.fetchall():
        kind = "TABLE DATA" if has_rows else "SEQUENCE SET"
        if f" {kind} {schema} {name} " not in listing:
            continue
        if may and has_rows:
            full = f"{quote_name(schema)}.{quote_name(name)}"
            cursor.execute(f"DELETE FROM {full} {condition}")  # noqa: S608 - the extension's own
        elif not may:
            untouched.add((schema, name))
    return _comment_out(listing, untouched), frozenset(untouched)


def _comment_out(listing: str, tables: Collection[tuple[str, str]]) -> str:
    def shown(line: str) -> str:
        found = _TABLE.match(line)
        return f";{line}" if found and found.groups() in tables else line

    return "\n".join(shown(line) for line in listing.splitlines()) + "\n"


def notes_of(left: Sequence[LeftOut]) -> list[str]:
    """A sentence for each; what is said of an extension that is not there goes without saying."""
    missing = {one.item.name for one in left if one.item.kind == "EXTENSION"}
    return [
        one.note
        for one in left
        if not (one.item.kind == "COMMENT" and one.item.name.removeprefix("EXTENSION ") in missing)
    ]
