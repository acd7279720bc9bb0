"""What runs with its owner's rights, and how it is kept from more of them under another owner.

A function may, a view does unless it says otherwise, and so does what a rule adds to a statement;
a materialized view is filled so.
https://www.postgresql.org/docs/current/rules-privileges.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from trustbackup.databases.postgresql.restore_items import Item

INVOKER_VIEWS = 150000
"""The first server, by libpq's number, whose views can run with their caller's rights."""
_DEFINER = re.compile(rb"\bSECURITY DEFINER\b")
_GIVE = re.compile(rb"\A(ALTER [A-Z][A-Z ]* .*) OWNER TO [^\n]+;\Z", re.DOTALL)
_RELATION = re.compile(rb"\AALTER (?:FOREIGN TABLE|MATERIALIZED VIEW|TABLE|VIEW) ", re.DOTALL)
_NAME = rb'(?:"(?:[^"]|"")*"|[^\s".(;]+)'
_RULE = re.compile(
    rb"\ACREATE (?:OR REPLACE )?RULE %b AS\s+ON (?:INSERT|UPDATE|DELETE) TO ((?:%b\.)?%b)\s"
    % (_NAME, _NAME, _NAME)
)


def names_with_rules(items: Iterable[Item]) -> frozenset[bytes]:
    """Tables and views, by their full names as SQL, on which a write does more by a rule."""
    found = (_RULE.match(item.text) for item in items if item.kind == "RULE")
    return frozenset(one[1] for one in found if one)


def as_its_caller(item: Item, server_version: int) -> bytes:
    """The statement that makes it run with its caller's rights; none where that is not needed.

    Nor where it can't be: ``shown_of`` then says what nobody else may have a right on.
    """
    if not (found := _GIVE.match(item.give)):
        return b""
    if _DEFINER.search(item.text):
        return found[1] + b" SECURITY INVOKER;"
    if item.kind == "VIEW" and server_version >= INVOKER_VIEWS:
        return found[1] + b" SET (security_invoker = true);"
    return b""


def shown_of(item: Item, with_rules: frozenset[bytes], server_version: int) -> bytes:
    """Its full name as SQL if it shows or does to others what its owner may, whoever that is."""
    if not (found := _GIVE.match(item.give)):
        return b""
    name = _RELATION.sub(b"", found[1])
    is_view = item.kind == "VIEW" and server_version < INVOKER_VIEWS
    return name if is_view or item.kind == "MATERIALIZED VIEW" or name in with_rules else b""
