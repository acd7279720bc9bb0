"""Tablespaces that a server lacks, or the role may not use: the default one takes their place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from trustbackup.databases.postgresql.restore_items import Item
from trustbackup.databases.postgresql.session import Sessions
from trustbackup.phrases import gettext as _

_SETTING = re.compile(rb"\bdefault_tablespace = ('(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[^\s;'\"]+);")
_USABLE = """
    SELECT name, t.oid IS NOT NULL
    FROM unnest(%s::text[]) name LEFT JOIN pg_tablespace t ON t.spcname = name
    WHERE t.oid IS NULL OR NOT has_tablespace_privilege(t.oid, 'CREATE')
        AND t.oid <> (SELECT dattablespace FROM pg_database WHERE datname = current_database())
    ORDER BY name
"""


def only_usable(items: Sequence[Item], sessions: Sessions) -> tuple[list[Item], list[str]]:
    """The items, in the default tablespace for those that can't be had; a sentence for each.

    The server is asked only where one is named.
    """
    of_settings = {text: _name(text) for text in {item.settings for item in items}}
    named = sorted({name for name in of_settings.values() if name})
    if not named:
        return list(items), []
    with sessions() as cursor:
        cursor.execute(_USABLE, [named])
        lacking = dict(cursor.fetchall())
    mended = {
        text: _SETTING.sub(b"default_tablespace = '';", text) if name in lacking else text
        for text, name in of_settings.items()
    }
    notes = [
        not_usable(name)
        if there
        else _("There is no tablespace %(name)s here: what lay there is elsewhere now.", name=name)
        for name, there in lacking.items()
    ]
    return [replace(item, settings=mended[item.settings]) for item in items], notes


def not_usable(name: str) -> str:
    return _(
        "Tablespace %(name)s may not be used by the role: what lay there is elsewhere now.",
        name=name,
    )


def _name(settings: bytes) -> str:
    """The tablespace that they name; "" for the default one."""
    found = _SETTING.search(settings)
    text = found[1].decode(errors="replace") if found else ""
    if text[:1] in ("'", '"'):
        return text[1:-1].replace(text[0] * 2, text[0])
    return text
