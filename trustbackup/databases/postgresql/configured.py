"""What a site says in ``DBBACKUP_CONNECTORS``: its commands' options, and its schemas."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from django.db.backends.utils import CursorWrapper

from trustbackup.exceptions import DumpError
from trustbackup.phrases import gettext as _

_TO_A_FILE = re.compile(r"-[a-zA-Z]*f|--file(=|$)")
_HONOURED = re.compile(
    r"--no-(owner|privileges|acl|comments|security-labels|publications|subscriptions"
    r"|tablespaces|table-access-method)|-[Ox]+"
)
"""Options of pg_restore that change what it prints; it never connects, where the others matter."""
OWNED = """
    owned AS (
        SELECT classid, objid, refobjid AS extension FROM pg_catalog.pg_depend
        WHERE refclassid = 'pg_catalog.pg_extension'::regclass AND deptype = 'e'
        UNION
        SELECT d.classid, d.objid, o.extension FROM pg_catalog.pg_depend d
        JOIN owned o ON d.refclassid = o.classid AND d.refobjid = o.objid
        WHERE d.deptype IN ('a', 'i', 'I')
    )"""
"""What is an extension's, and what is only there because of that: indexes, policies, triggers."""
_EXTENSIONS = f"""
    WITH RECURSIVE {OWNED}, used AS (
        SELECT o.extension FROM pg_catalog.pg_depend d
        JOIN owned o ON d.refclassid = o.classid AND d.refobjid = o.objid
        WHERE d.deptype <> 'e' AND NOT EXISTS (
            SELECT FROM owned x WHERE x.classid = d.classid AND x.objid = d.objid)
    )
    SELECT e.extname, n.nspname FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname <> 'plpgsql' AND (e.oid IN (SELECT extension FROM used) OR EXISTS (
        SELECT FROM pg_catalog.pg_available_extension_versions v
        WHERE v.name = e.extname AND v.version = e.extversion AND v.trusted))
    ORDER BY e.extname
"""  # noqa: S608 - all of it is ours
"""Extensions that something of the site's own is built on, and those that any owner may make."""


def split_command(setting: str, program: str, text: str) -> tuple[str, list[str]]:
    """The program that a command names, and its options. Raises DumpError.

    The program may stand for itself with spaces in its path.
    """
    if Path(text).is_file():
        return text, []
    what = _("%(setting)s of DBBACKUP_CONNECTORS can't be followed", setting=setting)
    try:
        named, *options = shlex.split(text) or [program]
    except ValueError as error:
        raise DumpError(
            what, why=str(error), todo=_("Correct its quotes (%(text)s).", text=text)
        ) from error
    if any(Path(word).name == program for word in options) and Path(named).name != program:
        raise DumpError(
            what,
            why=_("it starts %(program)s through %(named)s", program=program, named=named),
            todo=_(
                "Begin with %(program)s; what only sets its priority goes into DUMP_PREFIX.",
                program=program,
            ),
        )
    if to_file := [word for word in options if _TO_A_FILE.match(word)]:
        raise DumpError(
            what,
            why=_("%(option)s writes into a file of its own", option=to_file[0]),
            todo=_("Leave that option out: the backup folder gets what it writes."),
        )
    return named, options


def options_of_reader(text: str) -> list[str]:
    """The options in ``RESTORE_CMD`` that say what is restored. Raises DumpError."""
    _program, options = split_command("RESTORE_CMD", "pg_restore", text)
    return [option for option in options if _HONOURED.fullmatch(option)]


def extensions_beside(cursor: CursorWrapper, schemas: Sequence[str]) -> list[str]:
    """pg_dump's arguments for the extensions that tables of some schemas need.

    With a choice of schemas it leaves all extensions out, so that no type or index of one comes
    back; from version 14 on they can be named. One that lies in another schema brings that.
    """
    cursor.execute(_EXTENSIONS)
    arguments = []
    for name, schema in cursor.fetchall():
        arguments.append(f"--extension={_pattern(name)}")
        if schema != "pg_catalog" and schema not in schemas:
            arguments.append(f"--schema={_pattern(schema)}")
    return arguments


_HIDDEN = f"""
    WITH RECURSIVE {OWNED}
    SELECT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN owned o ON o.classid = 'pg_class'::regclass AND o.objid = c.oid
    WHERE c.relkind = 'r' AND row_security_active(c.oid)
"""  # noqa: S608 - all of it is ours


def hidden_tables(cursor: CursorWrapper) -> dict[int, str]:
    """Tables of extensions that show the role some rows only, as pg_cron's jobs: oid → full name.

    pg_dump refuses them, and with them everything; they are not the site's own.
    """
    cursor.execute(_HIDDEN)
    return dict(cursor.fetchall())


def _pattern(name: str) -> str:
    """A name as pg_dump's pattern that means it and nothing else."""
    return '"' + name.replace('"', '""') + '"'
