"""What a restore may do, by what the server grants: asked before anything is tried."""

from __future__ import annotations

from collections.abc import Collection

from django.db import DatabaseError
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.mysql.beside import rows, scalar
from trustbackup.databases.mysql.rights import Grant, may
from trustbackup.databases.mysql.session import text

BESIDE = ("CREATE", "DROP", "ALTER", "INSERT", "SELECT", "DELETE", "INDEX", "REFERENCES")
"""What making, filling, exchanging and removing a schema takes there."""
_FOR_OTHERS = ("SUPER", "SET USER", "SET_USER_ID", "SET_ANY_DEFINER")


def lacking(grants: list[Grant], rights: Collection[str], schema: str) -> list[str]:
    """Those of ``rights`` that the account does not have in ``schema``, in their order."""
    return [right for right in rights if not may(grants, schema, right)]


def may_set_definer(grants: list[Grant]) -> bool:
    """Whether the account may make something that belongs to another one."""
    return any(may([grant], "", *_FOR_OTHERS) for grant in grants if grant.schema == "*")


def me(cursor: CursorWrapper) -> str:
    """The account that the session runs as, ``user@host``."""
    return text(scalar(cursor, "SELECT CURRENT_USER()"))


def accounts(cursor: CursorWrapper) -> set[str] | None:
    """Those that the server has; None where it does not say."""
    try:
        found = rows(cursor, "SELECT User, Host FROM mysql.user")
    except DatabaseError:
        return None
    return {f"{text(user)}@{text(host)}" for user, host in found}
