"""Which roles of a backup are on a server, and to which of them our role may give things."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.values import RoleGaps
from trustbackup.phrases import gettext as _

# Who may act as another role may give it things; from version 16 on that is a right of its own.
_ROLES = """
    SELECT name, r.oid IS NOT NULL, coalesce(pg_has_role(r.oid, CASE
        WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END),
        false)
    FROM unnest(%s::text[]) name LEFT JOIN pg_catalog.pg_roles r ON r.rolname = name
    ORDER BY name
"""


def role_gaps(
    cursor: CursorWrapper, owners: Collection[str], grantees: Collection[str]
) -> RoleGaps:
    """What can't be given back to ``owners``, and which of ``grantees`` are not there."""
    cursor.execute(_ROLES, [sorted({*owners, *grantees})])
    roles = cursor.fetchall()
    cursor.execute("SELECT current_user")
    (own,) = cursor.fetchone()
    return RoleGaps(
        owners=tuple(_of_owners(str(own), [role for role in roles if role[0] in owners])),
        missing=tuple(name for name, there, _may in roles if name in grantees and not there),
    )


def _of_owners(own: str, roles: Collection[tuple[str, bool, bool]]) -> Iterator[str]:
    for name, there, may in roles:
        if not there:
            yield _("there is no role %(name)r", name=name)
        elif not may:
            yield _("role %(own)r may not act as %(name)r", own=own, name=name)
