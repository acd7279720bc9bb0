"""A restore ends all sessions but that of the operator who asked for it, where they are rows.

The operator's is told by the hash of its key, because the key alone would be enough to be
that operator, and runs are shown to others.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connections, transaction
from django.utils.module_loading import import_string

from trustbackup.databases.alias import pointed_at
from trustbackup.databases.base import Database
from trustbackup.operations.restore.own_tables import SESSIONS
from trustbackup.phrases import gettext as _


def sessions_that_stay() -> str:
    """A sentence on sessions that a restore does not end; "" where all are rows of the database."""
    from django.contrib.sessions.backends import cache, cached_db, db, file, signed_cookies

    try:
        store = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    except ImportError:
        return ""  # then nobody is signed in
    if issubclass(store, cached_db.SessionStore | cache.SessionStore):
        return _(
            "Sessions are in the cache %(alias)r, which a restore does not reach: they go on when"
            " it is done. Clear that cache to end them.",
            alias=settings.SESSION_CACHE_ALIAS,
        )
    if issubclass(store, db.SessionStore):
        return ""
    if issubclass(store, signed_cookies.SessionStore):
        return _(
            "Sessions are in signed cookies, which nothing on the server ends: they go on when the"
            " restore is done, until they expire."
        )
    if issubclass(store, file.SessionStore):
        return _(
            "Sessions are in files, which a restore does not reach: they go on when it is done."
            " Delete the files to end them."
        )
    return _(
        "Sessions are kept by %(engine)s, which a restore may not reach: they may go on when it is"
        " done.",
        engine=settings.SESSION_ENGINE,
    )


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
