"""A restore ends all sessions but that of the operator who asked for it.

The operator's is told by the hash of its key, because the key alone would be enough to be
that operator, and runs are shown to others.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.apps import apps
from django.db import DatabaseError, connections, transaction

from trustbackup.databases.alias import pointed_at
from trustbackup.databases.base import Database
from trustbackup.operations.rules import SESSIONS


def hash_of(key: str | None) -> str:
    """What stands for a session's key in a run's options; "" for no session."""
    return hashlib.sha256(key.encode()).hexdigest() if key else ""


def find_session(alias: str, wanted: str) -> Any | None:  # noqa: ANN401 - Session, if installed
    """The session whose key has this hash, or None when it is not in this database."""
    if not wanted or not _keeps_sessions(alias):
        return None
    rows = _rows(alias)
    keys = rows.order_by("-expire_date").values_list("session_key", flat=True).iterator()
    key = next((key for key in keys if hash_of(key) == wanted), None)
    return rows.filter(pk=key).first() if key else None


def put_session(database: Database, name: str, session: Any) -> None:  # noqa: ANN401
    """Put it into the database ``name``, which is (or will be) the live one."""
    with pointed_at(database.alias, database.address(name)):
        if _keeps_sessions(database.alias):
            _rows(database.alias).bulk_create([session], ignore_conflicts=True)


def _rows(alias: str) -> Any:  # noqa: ANN401
    return apps.get_model("sessions", "Session")._default_manager.using(alias)  # noqa: SLF001 - documented API


def _keeps_sessions(alias: str) -> bool:
    if not apps.is_installed("django.contrib.sessions"):
        return False
    try:
        with transaction.atomic(alias):
            return SESSIONS in connections[alias].introspection.table_names()
    except DatabaseError:
        return False
