"""What a user may do, as ``SHOW GRANTS`` tells: what is missing leaves gaps without a word.

mariadb-dump leaves out triggers and routines that its user may not see, and so does
information_schema: only the rights themselves tell that there may be more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.mysql.session import quote_name, text

_GRANT = re.compile(r"GRANT (.+?) ON (?:TABLE )?(\*|`(?:[^`]|``)*`)\.(\*|`(?:[^`]|``)*`) TO ")
_COLUMNS = re.compile(r"\([^)]*\)")
ALL = "ALL PRIVILEGES"


@dataclass(frozen=True)
class Grant:
    """Rights on tables of schemas; ``schema`` is a pattern with ``%`` and ``_``, or ``*``."""

    rights: frozenset[str]
    schema: str
    table: str

    def covers(self, schema: str) -> bool:
        if self.schema == "*":
            return True
        pieces = re.findall(r"\\.|.", self.schema, re.DOTALL)
        wild = {"%": ".*", "_": "."}
        pattern = "".join(wild.get(piece) or re.escape(piece[-1]) for piece in pieces)
        return re.fullmatch(pattern, schema, re.DOTALL | re.IGNORECASE) is not None


def read_grants(cursor: CursorWrapper) -> list[Grant]:
    """The session's own rights, those of its active roles among them."""
    cursor.execute("SHOW GRANTS")
    found = []
    for line, *_more in cursor.fetchall():
        if match := _GRANT.match(text(line)):
            rights = {one.strip().upper() for one in _COLUMNS.sub("", match[1]).split(",")}
            schema, table = (_plain(match[2]), _plain(match[3]))
            found.append(Grant(frozenset(rights), schema, table))
    return found


def may(grants: list[Grant], schema: str, *rights: str) -> bool:
    """Whether one of these rights is there for everything in ``schema``."""
    wanted = {*rights, ALL}
    return any(
        grant.rights & wanted and grant.table == "*" and grant.covers(schema) for grant in grants
    )


def gaps(grants: list[Grant], schema: str) -> list[str]:
    """Statements that would give what a whole dump needs and the user lacks; ``USER`` is open."""
    missing = [right for right in ("TRIGGER", "EVENT") if not may(grants, schema, right)]
    found = [f"GRANT {', '.join(missing)} ON {quote_name(schema)}.* TO USER"] if missing else []
    on_mysql = any(
        grant.rights & {"SELECT", ALL} and grant.schema == "mysql" and grant.table in ("*", "proc")
        for grant in grants
    )
    seeing = ("EXECUTE", "ALTER ROUTINE", "CREATE ROUTINE", "SHOW CREATE ROUTINE")
    by_all = may(grants, "mysql", "SELECT", "SHOW_ROUTINE")
    if not (on_mysql or by_all or may(grants, schema, *seeing)):
        found.append(f"GRANT EXECUTE ON {quote_name(schema)}.* TO USER")
    return found


def _plain(name: str) -> str:
    return name[1:-1].replace("``", "`") if name.startswith("`") else name
