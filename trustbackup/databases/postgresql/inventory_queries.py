"""Which objects a database has, asked of its catalogs: a query for each kind, none for a table.

Each gives rows of: the object's catalog and number, the catalog and number of what it is a part
of, its kind, its name, its owner, its rights and the usual rights of its kind. Nothing
depends on the session's search path. https://www.postgresql.org/docs/current/catalogs.html
"""

from __future__ import annotations

_SITE = """
    site AS MATERIALIZED (
        SELECT oid, CASE nspname WHEN 'public' THEN '' ELSE nspname || '.' END AS prefix
        FROM pg_catalog.pg_namespace WHERE nspname <> 'information_schema' AND nspname !~ '^pg_')
"""
_RELATIONS = """
    SELECT 'pg_class'::regclass::oid, c.oid, 0::oid, 0::oid,
        CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
            WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE 'foreign table' END,
        prefix || c.relname, c.relowner, c.relacl,
        acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)
    FROM pg_catalog.pg_class c JOIN site s ON s.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
"""
_FILLED = """
    SELECT 'pg_class'::regclass::oid, c.oid, 0::oid, 0::oid, 'filled materialized view',
        prefix || c.relname, NULL::oid, NULL::aclitem[], NULL::aclitem[]
    FROM pg_catalog.pg_class c JOIN site s ON s.oid = c.relnamespace
    WHERE c.relkind = 'm' AND c.relispopulated
"""
_ROW_SECURITY = """
    SELECT 0::oid, 0::oid, 'pg_class'::regclass::oid, c.oid,
        CASE WHEN c.relforcerowsecurity THEN 'forced row security' ELSE 'row security' END,
        prefix || c.relname, NULL::oid, NULL::aclitem[], NULL::aclitem[]
    FROM pg_catalog.pg_class c JOIN site s ON s.oid = c.relnamespace
    WHERE c.relrowsecurity AND c.relpersistence <> 't'
"""
_COLUMNS = """
    SELECT 0::oid, 0::oid, 'pg_class'::regclass::oid, c.oid, 'column',
        prefix || c.relname || '.' || a.attname, NULL::oid, a.attacl,
        acldefault('c', c.relowner)
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    JOIN site s ON s.oid = c.relnamespace
    WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND c.relpersistence <> 't'
"""
_INDEXES = """
    SELECT 'pg_class'::regclass::oid, c.oid, 'pg_class'::regclass::oid, i.indrelid, 'index',
        prefix || c.relname, NULL::oid, NULL::aclitem[], NULL::aclitem[]
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN site s ON s.oid = c.relnamespace
    WHERE c.relpersistence <> 't' AND i.indisvalid AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint k
        WHERE k.conindid = c.oid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x'))
"""
_CONSTRAINTS = """
    SELECT 'pg_constraint'::regclass::oid, k.oid,
        CASE WHEN k.conrelid <> 0 THEN 'pg_class'::regclass ELSE 'pg_type'::regclass END::oid,
        CASE WHEN k.conrelid <> 0 THEN k.conrelid ELSE k.contypid END,
        CASE k.contype WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign key' ELSE 'key' END,
        prefix || coalesce(c.relname, t.typname) || '.' || k.conname,
        NULL::oid, NULL::aclitem[], NULL::aclitem[]
    FROM pg_catalog.pg_constraint k JOIN site s ON s.oid = k.connamespace
    LEFT JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
    LEFT JOIN pg_catalog.pg_type t ON t.oid = k.contypid
    WHERE k.contype IN ('c', 'p', 'u', 'x') OR k.contype = 'f' AND k.conparentid = 0
"""
_TRIGGERS = """
    SELECT 'pg_trigger'::regclass::oid, t.oid, 'pg_class'::regclass::oid, t.tgrelid,
        CASE t.tgenabled WHEN 'D' THEN 'disabled trigger' WHEN 'R' THEN 'replica trigger'
            WHEN 'A' THEN 'always trigger' ELSE 'trigger' END,
        prefix || c.relname || '.' || t.tgname, NULL::oid, NULL::aclitem[], NULL::aclitem[]
    FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
    JOIN site s ON s.oid = c.relnamespace
    WHERE NOT t.tgisinternal AND c.relpersistence <> 't'
"""
_POLICIES = """
    SELECT 'pg_policy'::regclass::oid, p.oid, 'pg_class'::regclass::oid, p.polrelid, 'policy',
        prefix || c.relname || '.' || p.polname, NULL::oid, NULL::aclitem[], NULL::aclitem[]
    FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
    JOIN site s ON s.oid = c.relnamespace
"""
_RULES = """
    SELECT 'pg_rewrite'::regclass::oid, r.oid, 'pg_class'::regclass::oid, r.ev_class, 'rule',
        prefix || c.relname || '.' || r.rulename, NULL::oid, NULL::aclitem[], NULL::aclitem[]
    FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
    JOIN site s ON s.oid = c.relnamespace
    WHERE r.rulename <> '_RETURN'
"""
_TYPE_NAME = """(
    SELECT CASE tn.nspname WHEN 'pg_catalog' THEN '' WHEN 'public' THEN '' ELSE tn.nspname || '.'
        END || ty.typname
    FROM pg_catalog.pg_type ty JOIN pg_catalog.pg_namespace tn ON tn.oid = ty.typnamespace
    WHERE ty.oid = {oid})"""
_FUNCTIONS = f"""
    SELECT 'pg_proc'::regclass::oid, p.oid, 0::oid, 0::oid, 'function',
        prefix || p.proname || '(' || coalesce((
            SELECT string_agg({_TYPE_NAME.format(oid="a.type")}, ', ' ORDER BY a.position)
            FROM unnest(p.proargtypes) WITH ORDINALITY a(type, position)), '') || ')',
        p.proowner, p.proacl, acldefault('f', p.proowner)
    FROM pg_catalog.pg_proc p JOIN site s ON s.oid = p.pronamespace
"""  # noqa: S608 - nothing of a user's
_TYPES = """
    SELECT 'pg_type'::regclass::oid, t.oid, 0::oid, 0::oid,
        CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END,
        prefix || t.typname, t.typowner, t.typacl, acldefault('T', t.typowner)
    FROM pg_catalog.pg_type t JOIN site s ON s.oid = t.typnamespace
    LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
    WHERE t.typcategory <> 'A' AND (c.relkind IS NULL OR c.relkind = 'c')
"""
_SCHEMAS = """
    SELECT 'pg_namespace'::regclass::oid, n.oid, (n.nspname <> 'public' AND EXISTS (
            SELECT FROM pg_catalog.pg_init_privs i
            WHERE i.objoid = n.oid AND i.classoid = 'pg_namespace'::regclass
              AND i.privtype = 'i' AND i.initprivs::text = n.nspacl::text))::int::oid,
        0::oid, 'schema', n.nspname, n.nspowner,
        n.nspacl, coalesce((
            SELECT CASE WHEN i.initprivs::text LIKE '%pg_database_owner%'
                THEN acldefault('n', n.nspowner) || makeaclitem(0::oid, n.nspowner, 'USAGE', false)
                ELSE i.initprivs END FROM pg_catalog.pg_init_privs i WHERE i.objoid = n.oid
              AND i.classoid = 'pg_namespace'::regclass AND i.privtype = 'i'
              AND n.nspname = 'public'),
            acldefault('n', n.nspowner))
    FROM pg_catalog.pg_namespace n JOIN site s ON s.oid = n.oid
"""
"""What is usual on `public` follows its owner, as pg_dump reckons it, too.

Under another name it is made anew with no right of everybody's, and pg_dump writes none: the third
column tells that.
"""
_DEFAULT_RIGHTS = """
    SELECT 'pg_default_acl'::regclass::oid, d.oid, 0::oid, 0::oid, 'default rights',
        pg_get_userbyid(d.defaclrole) || ' on ' || CASE d.defaclobjtype
            WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
            WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE 'large objects' END
            || coalesce(' in ' || n.nspname, ''),
        NULL::oid, d.defaclacl, CASE WHEN d.defaclnamespace <> 0 THEN '{}'::aclitem[]
            WHEN d.defaclobjtype IN ('r', 'S', 'f', 'T', 'n') THEN acldefault(
                CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END, d.defaclrole) END
    FROM pg_catalog.pg_default_acl d
    LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
"""


def _in_a_schema(
    catalog: str, kind: str, letters: str, name: str = "", *, owner: bool = True
) -> str:
    """The query for a catalog whose columns begin with these letters."""
    shown = name or f"o.{letters}name"
    owned = f"o.{letters}owner" if owner else "NULL::oid"
    return f"""
        SELECT '{catalog}'::regclass::oid, o.oid, 0::oid, 0::oid, '{kind}', prefix || {shown},
            {owned}, NULL::aclitem[], NULL::aclitem[]
        FROM pg_catalog.{catalog} o JOIN site s ON s.oid = o.{letters}namespace
    """  # noqa: S608


def _in_no_schema(
    catalog: str, kind: str, letters: str, name: str = "", owner: str = "owner", acl: str = ""
) -> str:
    shown = name or f"o.{letters}name"
    owned = f"o.{letters}{owner}" if owner else "NULL::oid"
    rights = "NULL::aclitem[], NULL::aclitem[]"
    if acl:
        rights = f"o.{letters}acl, acldefault('{acl}', {owned})"
    return f"""
        SELECT '{catalog}'::regclass::oid, o.oid, 0::oid, 0::oid, '{kind}', {shown}, {owned},
            {rights}
        FROM pg_catalog.{catalog} o WHERE o.oid >= 16384
    """  # noqa: S608


def _two_types(first: str, second: str) -> str:
    names = [f"coalesce({_TYPE_NAME.format(oid=oid)}, '')" for oid in (first, second)]
    return f"'(' || {names[0]} || ', ' || {names[1]} || ')'"


_TRANSFORMS = f"""
    SELECT 'pg_transform'::regclass::oid, t.oid, 0::oid, 0::oid, 'transform',
        {_TYPE_NAME.format(oid="t.trftype")} || ' in ' || l.lanname,
        NULL::oid, NULL::aclitem[], NULL::aclitem[]
    FROM pg_catalog.pg_transform t JOIN pg_catalog.pg_language l ON l.oid = t.trflang
    WHERE t.oid >= 16384
"""  # noqa: S608
_USER_MAPPINGS = """
    SELECT 0::oid, 0::oid, 'pg_foreign_server'::regclass::oid, m.srvid, 'user mapping',
        m.usename || ' SERVER ' || m.srvname, NULL::oid, NULL::aclitem[], NULL::aclitem[]
    FROM pg_catalog.pg_user_mappings m
"""
"""Named as pg_dump names them; the catalog itself is for superusers alone."""
_SUBSCRIPTIONS = """
    SELECT 'pg_subscription'::regclass::oid, s.oid, 0::oid, 0::oid, 'subscription', s.subname,
        s.subowner, NULL::aclitem[], NULL::aclitem[]
    FROM pg_catalog.pg_subscription s
    JOIN pg_catalog.pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
"""
QUERIES = tuple(
    f"WITH {_SITE} {query}"
    for query in (
        *(_RELATIONS, _FILLED, _ROW_SECURITY, _COLUMNS, _INDEXES, _CONSTRAINTS, _TRIGGERS),
        *(_POLICIES, _RULES, _FUNCTIONS, _TYPES, _SCHEMAS, _DEFAULT_RIGHTS, _TRANSFORMS),
        *(_USER_MAPPINGS, _SUBSCRIPTIONS),
        _in_a_schema("pg_collation", "collation", "coll"),
        _in_a_schema("pg_conversion", "conversion", "con"),
        _in_a_schema(
            "pg_operator",
            "operator",
            "opr",
            "o.oprname || " + _two_types("o.oprleft", "o.oprright"),
        ),
        _in_a_schema("pg_opclass", "operator class", "opc"),
        _in_a_schema("pg_opfamily", "operator family", "opf"),
        _in_a_schema("pg_statistic_ext", "statistics", "stx"),
        _in_a_schema("pg_ts_config", "text search configuration", "cfg"),
        _in_a_schema("pg_ts_dict", "text search dictionary", "dict"),
        _in_a_schema("pg_ts_parser", "text search parser", "prs", owner=False),
        _in_a_schema("pg_ts_template", "text search template", "tmpl", owner=False),
        _in_no_schema(
            "pg_cast", "cast", "cast", _two_types("o.castsource", "o.casttarget"), owner=""
        ),
        _in_no_schema("pg_extension", "extension", "ext", owner=""),
        _in_no_schema("pg_event_trigger", "event trigger", "evt"),
        _in_no_schema("pg_publication", "publication", "pub"),
        _in_no_schema("pg_foreign_data_wrapper", "foreign data wrapper", "fdw", acl="F"),
        _in_no_schema("pg_foreign_server", "server", "srv", acl="S"),
        _in_no_schema("pg_language", "language", "lan", acl="l"),
        _in_no_schema("pg_am", "access method", "am", owner=""),
    )
)
MEMBERS = "SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e'"
"""What belongs to an extension, which comes and goes with it."""
COMMENTS = """
    SELECT d.classoid, d.objoid, a.attname FROM pg_catalog.pg_description d
    LEFT JOIN pg_catalog.pg_attribute a ON d.classoid = 'pg_class'::regclass
      AND a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0
    WHERE d.objoid >= 16384
"""
SECURITY_LABELS = """
    SELECT l.classoid, l.objoid, a.attname, l.provider FROM pg_catalog.pg_seclabel l
    LEFT JOIN pg_catalog.pg_attribute a ON l.classoid = 'pg_class'::regclass
      AND a.attrelid = l.objoid AND a.attnum = l.objsubid AND l.objsubid > 0
"""
LARGE_OBJECTS = """
    SELECT count(*), count(closed), sum(bytes)
    FROM (
        SELECT m.oid, (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
            OR pg_has_role(m.lomowner, 'USAGE') AS readable
        FROM pg_catalog.pg_largeobject_metadata m OFFSET 0) object,
    LATERAL (
        SELECT CASE WHEN readable THEN lo_open(object.oid, 262144) END AS file OFFSET 0) opened,
    LATERAL (SELECT lo_lseek64(file, 0, 2) + 0 * object.oid::bigint AS bytes OFFSET 0) seen,
    LATERAL (SELECT lo_close(file) + 0 * bytes + 0 * object.oid::bigint AS closed OFFSET 0) closed
"""
"""How many, of how many the size may be asked, and that in bytes; each is opened and closed.

Each step names the object: the server keeps what it had for the same number of a file (Memoize).
"""
