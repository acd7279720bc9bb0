"""Large objects that the role which dumps may not read: one of them ends pg_dump."""

from __future__ import annotations

from django.db.backends.utils import CursorWrapper

from trustbackup.exceptions import DumpError
from trustbackup.phrases import gettext as _

_CLOSED = """
    SELECT m.oid::text, pg_get_userbyid(m.lomowner), current_user
    FROM pg_catalog.pg_largeobject_metadata m
    WHERE NOT pg_has_role(m.lomowner, 'USAGE') AND current_setting('lo_compat_privileges') = 'off'
      AND NOT EXISTS (
        SELECT FROM aclexplode(m.lomacl) a WHERE a.privilege_type = 'SELECT'
          AND CASE a.grantee WHEN 0 THEN true ELSE pg_has_role(a.grantee, 'USAGE') END)
    ORDER BY m.oid LIMIT 1
"""


def check_large_objects(cursor: CursorWrapper, what: str) -> None:
    """Raises DumpError for the first one that the role may not read."""
    cursor.execute(_CLOSED)
    for number, owner, role in cursor.fetchall():
        raise DumpError(
            what,
            why=_(
                "large object %(number)s belongs to role %(owner)r, and role %(role)r may not read"
                " it",
                number=number,
                owner=owner,
                role=role,
            ),
            todo=_(
                "Say GRANT SELECT ON LARGE OBJECT %(number)s there, or let a role dump that may"
                " read all (USER in DBBACKUP_CONNECTORS), then try again.",
                number=number,
            ),
        )
