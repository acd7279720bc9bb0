"""Subscriptions of logical replication: no two databases may follow a publisher by one slot.

What is restored has its subscriptions switched off and without their slots, which are the live
database's. A database that is swapped out rests, and follows again where an undo brings it back.
https://www.postgresql.org/docs/current/logical-replication-subscription.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.restore_items import Item
from trustbackup.databases.postgresql.server import Server
from trustbackup.databases.postgresql.session import quote_name, quote_text, scalar
from trustbackup.phrases import gettext as _

_SLOT = re.compile(rb"( WITH \(connect = false, slot_name = )'((?:[^']|'')*)'")
_RESTS = " (rests, by trustbackup)"
"""At the end of the comment of a subscription that is to be switched on again."""
_FOUND = """
    SELECT subname, subenabled, coalesce(subslotname, ''),
        coalesce(obj_description(oid, 'pg_subscription'), '')
    FROM pg_subscription
    WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY subname
"""


def without_slot(item: Item) -> Item:
    """The same subscription without the slot of the one that it is a copy of."""
    if item.kind != "SUBSCRIPTION":
        return item
    return replace(item, text=_SLOT.sub(rb"\1NONE", item.text))


def notes_of_copies(items: Sequence[Item]) -> list[str]:
    """A sentence for each subscription that was made without its slot."""
    return [
        _(
            "Subscription %(name)s is off and has no slot. Once its tables agree with the"
            " publisher's: ALTER SUBSCRIPTION %(quoted)s SET (slot_name = '%(slot)s'), then ENABLE,"
            " then REFRESH PUBLICATION.",
            name=item.name,
            quoted=quote_name(item.name),
            slot=found[2].decode(errors="replace"),
        )
        for item in items
        if item.kind == "SUBSCRIPTION" and (found := _SLOT.search(item.text))
    ]


def subscriptions_of(cursor: CursorWrapper, database: str) -> list[tuple[str, bool, str]]:
    """Name, whether the role may change it, and whose it is; asked in any database."""
    cursor.execute(
        "SELECT subname, pg_has_role(subowner, 'USAGE'), pg_get_userbyid(subowner)"
        " FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid"
        " WHERE d.datname = %s ORDER BY subname",
        [database],
    )
    return [(name, may, owner) for name, may, owner in cursor.fetchall()]


def let_rest(server: Server, database: str) -> list[str]:
    """Switch off what is on, and note it there; the names. Raises DatabaseError."""
    resting = []
    with server.session(database) as cursor:
        cursor.execute(_FOUND)
        for name, enabled, _slot, comment in cursor.fetchall():
            if enabled:
                quoted = quote_name(name)
                cursor.execute(
                    f"COMMENT ON SUBSCRIPTION {quoted} IS {quote_text(comment + _RESTS)};"
                    f"ALTER SUBSCRIPTION {quoted} DISABLE"
                )
                resting.append(name)
    return resting


def wake(server: Server, database: str) -> list[str]:
    """Switch on what ``let_rest`` has switched off; the names. Raises DatabaseError."""
    with server.maintenance() as cursor:
        if not subscriptions_of(cursor, database):
            return []
    awake = []
    with server.session(database) as cursor:
        cursor.execute(_FOUND)
        for name, _enabled, _slot, comment in cursor.fetchall():
            if comment.endswith(_RESTS):
                quoted, own = quote_name(name), comment.removesuffix(_RESTS)
                cursor.execute(
                    f"COMMENT ON SUBSCRIPTION {quoted} IS {quote_text(own) if own else 'NULL'};"
                    f"ALTER SUBSCRIPTION {quoted} ENABLE"
                )
                awake.append(name)
    return awake


def drop_database(server: Server, database: str) -> list[str]:
    """Drop it with its subscriptions; the slots of those, which stay at the publishers.

    Nothing happens when there is no such database. Raises DatabaseError.
    """
    with server.maintenance() as cursor:
        followed = subscriptions_of(cursor, database)
    slots = _detach(server, database) if followed else []
    server.drop(database)
    return slots


def _detach(server: Server, database: str) -> list[str]:
    slots = []
    with server.session(database) as cursor:
        cursor.execute(_FOUND)
        for name, _enabled, slot, _comment in cursor.fetchall():
            quoted = quote_name(name)
            cursor.execute(f"ALTER SUBSCRIPTION {quoted} DISABLE")
            # Else dropping it would drop the slot, which another database follows by.
            cursor.execute(f"ALTER SUBSCRIPTION {quoted} SET (slot_name = NONE)")
            cursor.execute(f"DROP SUBSCRIPTION {quoted}")
            if slot:
                slots.append(slot)
    return slots


def logical_slots(cursor: CursorWrapper, database: str) -> str:
    """The names of the slots by which others follow this database; "" for none."""
    return str(
        scalar(
            cursor,
            "SELECT coalesce(string_agg(slot_name, ', ' ORDER BY slot_name), '')"
            " FROM pg_replication_slots WHERE database = %s",
            database,
        )
    )
