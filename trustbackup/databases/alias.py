"""Letting an alias of ``DATABASES`` mean another database for a while, in this thread.

Migrations, checks and a site's own code then work on a scratch database without knowing:
routers see the alias that they expect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper


@contextmanager
def pointed_at(alias: str, changes: Mapping[str, object]) -> Iterator[BaseDatabaseWrapper]:
    """``changes`` replace members of the alias's settings, ``NAME`` for one."""
    live = connections[alias]
    other = live.copy(alias)
    other.settings_dict.update(changes)
    options = dict(other.settings_dict.get("OPTIONS") or {})
    # A pool is shared by alias: it would hand out connections to the live database.
    options.pop("pool", None)
    other.settings_dict["OPTIONS"] = options
    connections[alias] = other
    try:
        yield other
    finally:
        other.close()
        connections[alias] = live
