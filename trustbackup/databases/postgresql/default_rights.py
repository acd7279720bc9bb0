"""Rights that what is made gets by itself, in a database that is there already."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.restore_items import Item

_DEFAULT_RIGHTS = """
    SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I', pg_get_userbyid(d.defaclrole))
            || coalesce(' IN SCHEMA ' || quote_ident(n.nspname), ''),
        CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'
            WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS'
            ELSE 'LARGE OBJECTS' END,
        quote_ident(pg_get_userbyid(d.defaclrole)), n.oid IS NULL,
        ARRAY(SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC'
                ELSE quote_ident(pg_get_userbyid(a.grantee)) END
            FROM aclexplode(d.defaclacl) a)
    FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
    WHERE d.defaclobjtype IN ('r', 'S', 'f', 'T', 'n', 'L') AND pg_has_role(d.defaclrole, 'USAGE')
"""


def forget_default_rights(cursor: CursorWrapper) -> None:
    """Let what is made from now on have only the rights that the server itself gives.

    Else a restore into a database that is there gives more or less than the backup had. Its
    archive brings back those that were in force then.
    """
    cursor.execute(_DEFAULT_RIGHTS)
    for alter, kind, role, everywhere, grantees in cursor.fetchall():
        for grantee in grantees:
            cursor.execute(f"{alter} REVOKE ALL ON {kind} FROM {grantee}")
        if everywhere:
            usual = [role, "PUBLIC"] if kind in ("FUNCTIONS", "TYPES") else [role]
            for grantee in usual:
                cursor.execute(f"{alter} GRANT ALL ON {kind} TO {grantee}")


_WITH_RIGHTS = """
    SELECT format('%%I.%%I', n.nspname, c.relname), quote_ident(pg_get_userbyid(c.relowner)),
        ARRAY(SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC'
                ELSE quote_ident(pg_get_userbyid(a.grantee)) END FROM aclexplode(c.relacl) a)
    FROM unnest(%s::text[], %s::text[]) made (schema, name)
    JOIN pg_catalog.pg_namespace n ON n.nspname = schema
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = name
    WHERE c.relacl IS NOT NULL AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
"""
_RELATIONS = ("TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE", "FOREIGN TABLE")


def take_default_rights(cursor: CursorWrapper, items: Sequence[Item]) -> None:
    """Take from what was just made what the database's default rights gave to others.

    An archive of a table names what differs from the server's own rights, and no others.
    """
    made = [(item.schema, item.name) for item in items if item.kind in _RELATIONS]
    cursor.execute(_WITH_RIGHTS, [[schema for schema, _name in made], [name for _s, name in made]])
    for relation, owner, grantees in cursor.fetchall():
        for grantee in grantees:
            cursor.execute(f"REVOKE ALL ON {relation} FROM {grantee}")
        cursor.execute(f"GRANT ALL ON {relation} TO {owner}")
