"""SQLite connections that know what the site's own connections know.

An index, a generated column or a CHECK may call a function of Django's, or a function or a
collation that the site registers when a connection is created: a bare connection can't check,
count or change such a table.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from django.db import connections
from django.db.backends.signals import connection_created

logger = logging.getLogger(__name__)


def file_uri(path: Path, mode: str) -> str:
    """What opens a file and nothing else. https://www.sqlite.org/uri.html"""
    return f"file:{quote(str(path.absolute()))}?mode={mode}"


@contextlib.contextmanager
def connect_as_site(alias: str, path: Path, mode: str, wait: float) -> Iterator[sqlite3.Connection]:
    """Open ``path`` as the site opens the database of ``alias``: with what is registered there.

    Its ``init_command`` is left out: it says how the site works on its own file, and can't
    register anything. ``wait`` is in seconds. Raises sqlite3.Error.
    """
    wrapper = connections.create_connection(alias)
    options = {**(wrapper.settings_dict.get("OPTIONS") or {}), "timeout": wait}
    options.pop("init_command", None)
    wrapper.settings_dict = {
        **wrapper.settings_dict,
        "NAME": file_uri(path, mode),
        "OPTIONS": options,
    }
    with contextlib.closing(
        wrapper.get_new_connection(wrapper.get_connection_params())
    ) as connection:
        connection.isolation_level = None
        wrapper.connection = connection
        try:
            connection_created.send(sender=type(wrapper), connection=wrapper)
        except Exception:
            # A receiver may want to write, which it can't everywhere. If what it would have
            # registered is needed, SQLite names it.
            logger.debug("A receiver of connection_created failed on %s", path, exc_info=True)
        # Django's default and a receiver's wish, and in the way of replacing a table.
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA query_only = OFF")
        yield connection
