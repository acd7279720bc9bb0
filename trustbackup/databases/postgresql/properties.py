"""What a database has besides its content, which is in no dump of one database.

Settings, rights, the comment, and whether it is a template: what ``pg_dump --create`` calls the
database's properties. They are copied when a replacement is made, because loading needs some of
them, and again in the swap's own transaction, because somebody may have changed them meanwhile.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.errors import explain
from trustbackup.databases.postgresql.restore_items import attempt, is_fatal
from trustbackup.databases.postgresql.session import quote_name, quote_text
from trustbackup.phrases import gettext as _

_SETTINGS = """
    SELECT coalesce(pg_get_userbyid(nullif(s.setrole, 0)), ''), split_part(item, '=', 1),
        substr(item, strpos(item, '=') + 1)
    FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) item
    WHERE d.datname = %s
"""
_GRANTS = """
    SELECT coalesce(pg_get_userbyid(nullif(a.grantee, 0)), ''), a.privilege_type,
        bool_or(a.is_grantable)
    FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
    WHERE d.datname = %s GROUP BY 1, 2
"""
_ITSELF = """
    SELECT pg_get_userbyid(datdba), datistemplate, shobj_description(oid, 'pg_database')
    FROM pg_database WHERE datname = %s
"""
_LISTS = ("search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries")
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')


@dataclass(frozen=True)
class _Properties:
    """A role is "" for all of them: a setting for everybody, a right of PUBLIC."""

    owner: str
    is_template: bool
    comment: str | None
    settings: dict[tuple[str, str], str]
    grants: dict[tuple[str, str], bool]


def _read(cursor: CursorWrapper, database: str) -> _Properties:
    cursor.execute(_ITSELF, [database])
    owner, is_template, comment = cursor.fetchone()
    cursor.execute(_SETTINGS, [database])
    settings = {(role, key): value for role, key, value in cursor.fetchall()}
    cursor.execute(_GRANTS, [database])
    grants = {(role, right): grantable for role, right, grantable in cursor.fetchall()}
    return _Properties(owner, is_template, comment, settings, grants)


def copy_properties(
    cursor: CursorWrapper, source: str, target: str, *, loading: bool = False
) -> list[str]:
    """Give ``target`` what ``source`` has; a sentence for each thing that its role may not do.

    While ``loading``, outside of a transaction, the owner has all its rights, and a template could
    not be dropped; else it is a part of the transaction that there is. Raises DatabaseError.
    """
    notes: list[str] = []
    wanted, had = _read(cursor, source), _read(cursor, target)
    name = quote_name(target)
    spared = wanted.owner if loading else None
    changes = itertools.chain(_settings(wanted, had, name), _grants(wanted, had, name, spared))
    for what, statement in changes:
        if problem := attempt(cursor, statement.encode(), inside=not loading, fatal=is_fatal):
            why = explain(problem)[0]
            notes.append(_("The %(what)s was left out: %(why)s.", what=what, why=why))
    if wanted.comment != had.comment:
        text = quote_text(wanted.comment) if wanted.comment is not None else "NULL"
        cursor.execute(f"COMMENT ON DATABASE {name} IS {text}")
    if wanted.is_template and not loading:
        cursor.execute(f"ALTER DATABASE {name} IS_TEMPLATE true")
    return notes


def _settings(wanted: _Properties, had: _Properties, name: str) -> Iterator[tuple[str, str]]:
    """What changes them, and each statement that does."""
    for (role, key), value in sorted(wanted.settings.items() - had.settings.items()):
        shown = _list(value) if key in _LISTS else quote_text(value)
        change = f"ALTER {_of(role)} {name} SET {quote_name(key)} TO {shown}"
        yield _setting(role, key), change
    for role, key in sorted(had.settings.keys() - wanted.settings.keys()):
        yield _setting(role, key), f"ALTER {_of(role)} {name} RESET {quote_name(key)}"


def _grants(
    wanted: _Properties, had: _Properties, name: str, spared: str | None
) -> Iterator[tuple[str, str]]:
    """The same for rights; ``spared`` loses none."""
    for role, right in sorted(had.grants.keys() - wanted.grants.keys()):
        if role != spared:
            yield _right(role, right), f"REVOKE {right} ON DATABASE {name} FROM {_to(role)}"
    for (role, right), grantable in sorted(wanted.grants.items() - had.grants.items()):
        if had.grants.get((role, right)):
            change = f"REVOKE GRANT OPTION FOR {right} ON DATABASE {name} FROM {_to(role)}"
        else:
            option = " WITH GRANT OPTION" if grantable else ""
            change = f"GRANT {right} ON DATABASE {name} TO {_to(role)}{option}"
        yield _right(role, right), change


def _list(value: str) -> str:
    """A list is stored as SQL, but with an empty text as a name, which no statement takes."""
    return _QUOTED.sub(lambda found: quote_text(found[1].replace('""', '"')), value)


def _of(role: str) -> str:
    return f"ROLE {quote_name(role)} IN DATABASE" if role else "DATABASE"


def _to(role: str) -> str:
    return quote_name(role) if role else "PUBLIC"


def _setting(role: str, name: str) -> str:
    if role:
        return _("setting %(name)s of role %(role)s", name=name, role=role)
    return _("setting %(name)s of the database", name=name)


def _right(role: str, name: str) -> str:
    return _("right %(name)s of %(role)s on the database", name=name, role=role or "PUBLIC")
