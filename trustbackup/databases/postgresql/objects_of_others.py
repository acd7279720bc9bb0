"""What a database has of other roles, or by a superuser, which the site's can't make again.

A database's administrator puts functions and types there, and what only superusers make. In place
they stay as they are, as extensions do.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.pooled import configure
from trustbackup.databases.postgresql.session import scalar
from trustbackup.phrases import gettext as _
from trustbackup.phrases import ngettext

_ENTRY = re.compile(r"^\d+; \d+ \d+ (?P<rest>.*)$", re.MULTILINE)
_ABOUT = ("COMMENT", "ACL", "SECURITY LABEL")
_OF_SCHEMAS = "PUBLICATION TABLES IN SCHEMA "
_AS_RIGHTS_SAY = {
    "AGGREGATE": "FUNCTION",
    "DOMAIN": "TYPE",
    "FOREIGN TABLE": "TABLE",
    "PROCEDURAL LANGUAGE": "LANGUAGE",
    "SERVER": "FOREIGN SERVER",
}
"""Kinds whose rights are listed under another name."""
_SIGNATURE = """
    o.proname || '(' || CASE WHEN o.prokind = 'a' AND o.pronargs = 0 THEN '*'
        ELSE oidvectortypes(o.proargtypes) END || ')'
"""
"""As pg_dump writes it, whose session has no search path."""
_KIND_OF_FUNCTION = (
    "CASE o.prokind WHEN 'p' THEN 'PROCEDURE' WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END"
)
_IS_LISTED = """
    o.typtype IN ('b', 'c', 'd', 'e', 'r')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_type a WHERE a.typarray = o.oid)
    AND (o.typrelid = 0
        OR (SELECT c.relkind FROM pg_catalog.pg_class c WHERE c.oid = o.typrelid) = 'c')
"""
_TYPES_ARE_OTHERS = """
    NOT EXISTS (SELECT FROM pg_catalog.pg_type t
        WHERE t.oid IN (o.castsource, o.casttarget) AND pg_has_role(t.typowner, 'USAGE'))
"""
_CAST = (
    "'CAST (' || format_type(castsource, NULL) || ' AS ' || format_type(casttarget, NULL) || ')'"
)
_NO_SUPERUSER = "NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)"
_SUPERUSERS_FUNCTION = """
    (o.proleakproof OR o.prosupport <> 0
     OR o.prokind <> 'a' AND (
        SELECT NOT l.lanpltrusted FROM pg_catalog.pg_language l WHERE l.oid = o.prolang)
     OR EXISTS (SELECT FROM pg_catalog.pg_aggregate a
        WHERE a.aggfnoid = o.oid AND 'internal'::regtype IN (a.aggtranstype, a.aggmtranstype))
     OR EXISTS (SELECT FROM unnest(o.proconfig) item
        JOIN pg_catalog.pg_settings s ON s.name = split_part(item, '=', 1)
        WHERE s.context IN ('superuser', 'superuser-backend') AND NOT {MAY_SET}))
"""
"""What a superuser alone can make, and may have given away since."""
_HAS_TABLES = """
    EXISTS (SELECT FROM pg_catalog.pg_foreign_server s
        JOIN pg_catalog.pg_foreign_table t ON t.ftserver = s.oid WHERE s.srvfdw = o.oid)
"""
FOREIGN_TABLE_OF_OTHERS = "o.relkind = 'f' AND NOT pg_has_role(o.relowner, 'USAGE')"
"""A condition on ``pg_class o``: none of its rows are in this database."""
_MAY_SET = "has_parameter_privilege(s.name, 'SET')"
_HAS_PARAMETER_PRIVILEGE = 150000


def _query(
    catalog: str,
    kind: str,
    letters: str,
    name: str = "",
    where: str = "",
    *,
    in_schema: bool = True,
) -> str:
    """What the role does not own, or what is ``where``; columns of ``catalog`` begin with these."""
    schema = "'-'"
    if in_schema:
        schema = f"(SELECT nspname::text FROM pg_namespace n WHERE n.oid = o.{letters}namespace)"  # noqa: S608
    others = f"NOT pg_has_role(o.{letters}owner, 'USAGE')"
    return f"""
        SELECT {kind}, {schema}, ({name or f"o.{letters}name"})::text FROM pg_catalog.{catalog} o
        WHERE o.oid >= 16384 AND ({where or others})
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
            WHERE e.classid = '{catalog}'::regclass AND e.objid = o.oid
              AND e.deptype IN ('e', 'i'))
    """  # noqa: S608 - all of it is ours


_OF_OTHERS = " UNION ALL ".join(
    (
        _query(
            "pg_proc",
            _KIND_OF_FUNCTION,
            "pro",
            _SIGNATURE,
            where=f"NOT pg_has_role(o.proowner, 'USAGE') OR {_SUPERUSERS_FUNCTION}"
            f" AND {_NO_SUPERUSER}",
        ),
        _query(
            "pg_type",
            "CASE o.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END",
            "typ",
            where=f"(NOT pg_has_role(o.typowner, 'USAGE') OR o.typtype = 'b' AND {_NO_SUPERUSER})"
            f" AND {_IS_LISTED}",
        ),
        _query("pg_collation", "'COLLATION'", "coll"),
        _query("pg_conversion", "'CONVERSION'", "con"),
        _query("pg_operator", "'OPERATOR'", "opr"),
        _query("pg_opclass", "'OPERATOR CLASS'", "opc", where=_NO_SUPERUSER),
        _query("pg_opfamily", "'OPERATOR FAMILY'", "opf", where=_NO_SUPERUSER),
        _query("pg_ts_config", "'TEXT SEARCH CONFIGURATION'", "cfg"),
        _query("pg_ts_dict", "'TEXT SEARCH DICTIONARY'", "dict"),
        _query("pg_ts_template", "'TEXT SEARCH TEMPLATE'", "tmpl", where=_NO_SUPERUSER),
        _query("pg_ts_parser", "'TEXT SEARCH PARSER'", "prs", where=_NO_SUPERUSER),
        _query("pg_event_trigger", "'EVENT TRIGGER'", "evt", in_schema=False),
        _query("pg_publication", "'PUBLICATION'", "pub", in_schema=False),
        _query("pg_foreign_data_wrapper", "'FOREIGN DATA WRAPPER'", "fdw", in_schema=False),
        _query("pg_foreign_server", "'SERVER'", "srv", in_schema=False),
        _query("pg_class", "'FOREIGN TABLE'", "rel", where=FOREIGN_TABLE_OF_OTHERS),
        _query("pg_language", "'PROCEDURAL LANGUAGE'", "lan", in_schema=False),
        _query("pg_am", "'ACCESS METHOD'", "am", where=_NO_SUPERUSER, in_schema=False),
        _query(
            "pg_cast",
            "'CAST'",
            "cast",
            _CAST,
            where=f"{_TYPES_ARE_OTHERS} AND {_NO_SUPERUSER}",
            in_schema=False,
        ),
    )
)
_ONLY_BY_SUPERUSERS = " UNION ALL ".join(
    (
        _query("pg_proc", "''", "pro", where=f"{_SUPERUSERS_FUNCTION} AND {_NO_SUPERUSER}"),
        _query(
            "pg_type", "''", "typ", where=f"o.typtype = 'b' AND {_IS_LISTED} AND {_NO_SUPERUSER}"
        ),
        _query("pg_opclass", "''", "opc", where=_NO_SUPERUSER),
        _query("pg_opfamily", "''", "opf", where=_NO_SUPERUSER),
        _query("pg_ts_template", "''", "tmpl", where=_NO_SUPERUSER),
        _query("pg_ts_parser", "''", "prs", where=_NO_SUPERUSER),
        _query("pg_am", "''", "am", where=_NO_SUPERUSER, in_schema=False),
        _query(
            "pg_foreign_data_wrapper",
            "''",
            "fdw",
            where=f"{_HAS_TABLES} AND {_NO_SUPERUSER}",
            in_schema=False,
        ),
        _query(
            "pg_cast",
            "''",
            "cast",
            _CAST,
            where=f"o.castmethod = 'b' AND {_NO_SUPERUSER}",
            in_schema=False,
        ),
    )
)

Object = tuple[str, str, str]
"""Kind, schema or "-", and name of an object, as ``pg_restore --list`` has them."""


def objects_of_others(cursor: CursorWrapper) -> set[Object]:
    """What the role may not drop, or not make again; in a transaction. Raises DatabaseError."""
    path = str(scalar(cursor, "SHOW search_path"))
    configure(cursor, search_path="")
    cursor.execute(_as_known(cursor, _OF_OTHERS))
    found = {(kind, schema, name) for kind, schema, name in cursor.fetchall()}
    configure(cursor, search_path=path)
    return found


def _as_known(cursor: CursorWrapper, query: str) -> str:
    """Before version 15 nobody but a superuser could be allowed to set such a parameter."""
    version = int(scalar(cursor, "SHOW server_version_num"))
    return query.replace("{MAY_SET}", _MAY_SET if version >= _HAS_PARAMETER_PRIVILEGE else "false")


def only_by_superusers(cursor: CursorWrapper) -> str:
    """The clause for what the role can't make in another database; "" if there is nothing."""
    cursor.execute(_as_known(cursor, _ONLY_BY_SUPERUSERS))
    names = sorted(name for _kind, _schema, name in cursor.fetchall())
    if not names:
        return ""
    return _("only a superuser can make %(name)s in another database", name=names[0])


def without_objects(listing: str, objects: Collection[Object]) -> str:
    """The table of contents without the entries of these, and without what is said of them."""
    wanted = {" ".join(one) for one in objects}
    for kind, schema, name in objects:
        for shown in {kind, _AS_RIGHTS_SAY.get(kind, kind)}:
            wanted |= {f"{about} {schema} {shown} {name}" for about in _ABOUT}

    publications = [name for kind, _schema, name in objects if kind == "PUBLICATION"]

    def keep(match: re.Match[str]) -> str:
        rest = match["rest"]
        # The schemas that it publishes stay, and so does what it says of them.
        if rest.startswith(_OF_SCHEMAS) and any(f" {name} " in rest for name in publications):
            return f";{match[0]}"
        words = rest.split(" ")
        # The owner comes last, and names may have spaces.
        named = (" ".join(words[:end]) for end in range(3, len(words)))
        return f";{match[0]}" if any(name in wanted for name in named) else match[0]

    return _ENTRY.sub(keep, listing)


def note_of_objects(objects: Collection[Object]) -> str:
    """The sentence on what stays as it is."""
    kind, _schema, name = min(objects)
    return ngettext(
        "%(number)d object that its role can't make anew stays as it is (%(first)s).",
        "%(number)d objects that its role can't make anew stay as they are (%(first)s, …).",
        len(objects),
        first=f"{kind.capitalize()} {name}",
    )
