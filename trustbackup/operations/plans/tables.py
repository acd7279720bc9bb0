"""Tables whose rows a plan may want to leave out: what comes back by itself, the largest first."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Backup
from trustbackup.operations.context import Context

_COME_BACK = re.compile(r"(^|_)(sessions?|logs?|logentry|cache|caches|cached)($|_)")
"""Words of a table's name: sessions, logs and caches are made anew."""
_MOST = 8


@dataclass(frozen=True, kw_only=True)
class TableShare:
    """A table's rows in the newest backup, and their share of all rows in it."""

    name: str
    rows: int
    percent: int


def tables_to_leave_out() -> list[TableShare]:
    """Of the newest whole backup; none before there is one. A look at one manifest."""
    row = Backup.objects.whole().of_databases().newest_first().first()
    if row is None:
        return []
    try:
        manifest, _signature = Context.current().folder.find(row.identifier).read_manifest()
    except TrustbackupError:
        return []
    rows: dict[str, int] = {}
    for part in manifest.parts:
        for table in part.tables:
            rows[table.name] = rows.get(table.name, 0) + table.rows
    total = sum(rows.values()) or 1
    found = [
        TableShare(name=name, rows=count, percent=round(100 * count / total))
        for name, count in rows.items()
        if count and _COME_BACK.search(name.lower())
    ]
    return sorted(found, key=lambda share: (-share.rows, share.name))[:_MOST]
