"""Finding PostgreSQL's programs, and dbbackup's connector for them."""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from dbbackup.db.base import get_connector
from dbbackup.db.postgresql import PgDumpBinaryConnector

from trustbackup.databases.postgresql.configured import split_command
from trustbackup.databases.process import output_of
from trustbackup.exceptions import DumpError, ProgramError
from trustbackup.phrases import gettext as _
from trustbackup.store.streams import BLOCK

_FOLDERS = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # Red Hat, SUSE
    "/usr/libexec/postgresql*",  # Alpine
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


def binary_connector(alias: str) -> PgDumpBinaryConnector:
    """dbbackup's connector for custom-format archives, with ``DBBACKUP_CONNECTORS[alias]``.

    A connector that writes SQL text is passed over: its text can't be restored in parallel,
    and psql runs whatever commands stand in it.
    """
    connector = get_connector(alias)
    if not isinstance(connector, PgDumpBinaryConnector):
        path = "dbbackup.db.postgresql.PgDumpBinaryConnector"
        connector = get_connector(alias, connector_path=path)
    connector.exclude = [shlex.quote(table) for table in connector.exclude]
    connector.schemas = [shlex.quote(schema) for schema in connector.schemas or []]
    return connector


def find_program(name: str, server_version: int, configured: str = "") -> str:
    """The oldest installed program that is not older than the server, as a full path.

    A newer one than the server's own writes what that server, and its pg_restore, can't read.
    ``server_version`` is libpq's number, 150018 for 15.18; 0 when it is not known.
    ``configured`` is a command that the site has chosen itself. Raises DumpError.
    """
    found = sorted(
        ((version_of(path), path) for path in set(_candidates(configured or name))), reverse=True
    )
    major = server_version // 10000
    package = f"postgresql-client-{major}" if major else "postgresql-client"
    if not found:
        raise DumpError(
            _("%(configured)s was not found", configured=configured or name),
            why=_("DBBACKUP_CONNECTORS names it")
            if configured
            else _("PostgreSQL's client programs are not installed"),
            todo=_(
                "Install them (Debian: apt install %(package)s), then try again.", package=package
            ),
        )
    fitting = [one for one in found if one[0] >= major]
    version, path = fitting[-1] if major and fitting else found[0]
    if version < major:
        raise DumpError(
            _("%(name)s %(version)s can't dump this server", name=name, version=version),
            why=_(
                "the server is PostgreSQL %(major)s, and %(path)s is older", major=major, path=path
            ),
            todo=_(
                "Install the programs of version %(major)s (Debian: apt install %(package)s).",
                major=major,
                package=package,
            ),
        )
    return path


def find_dumper(connector: PgDumpBinaryConnector, server_version: int) -> list[str]:
    """pg_dump for a server, and the options that the site gives it in ``DUMP_CMD``.

    Raises DumpError.
    """
    configured, options = split_command("DUMP_CMD", "pg_dump", connector.dump_cmd)
    named = "" if configured == "pg_dump" else configured
    return [find_program("pg_dump", server_version, named), *options]


def find_reader(alias: str) -> str:
    """The pg_restore that reads archives: the newest, which knows all the older ones' formats.

    It never connects; what it prints for a newer server is left out where it is played.
    Raises DumpError.
    """
    command = binary_connector(alias).restore_cmd
    configured, _options = split_command("RESTORE_CMD", "pg_restore", command)
    return find_program("pg_restore", 0, configured if configured != "pg_restore" else "")


def _candidates(name: str) -> Iterator[str]:
    if os.sep in name:
        yield name
        return
    for folder in os.get_exec_path():
        path = shutil.which(name, path=folder)
        # Debian's wrapper is slow, and only starts one of the programs that are found below.
        if path and Path(path).resolve().name != "pg_wrapper":
            yield path
    if name in ("pg_dump", "pg_restore"):
        for pattern in _FOLDERS:
            for found in Path("/").glob(f"{pattern.lstrip('/')}/{name}"):
                if os.access(found, os.X_OK):
                    yield str(found)


def version_of(path: str) -> int:
    """The major version of a program; 0 when it does not say. Raises DumpError."""
    try:
        return _major(version_text(path))
    except (ProgramError, OSError) as error:
        raise DumpError(
            _("%(path)s can't be asked for its version", path=path), why=str(error)
        ) from error


def version_text(path: str) -> str:
    """What a program says of its version. Raises ProgramError, OSError."""
    return _version_text(path, Path(path).stat().st_mtime_ns)


@functools.lru_cache
def _version_text(path: str, _changed: int) -> str:
    return output_of([path, "--version"]).strip()


def _major(text: str) -> int:
    match = re.search(r"(\d+)(?:[.]\d+|devel|beta\d|rc\d)", text)
    return int(match[1]) if match else 0


def with_large_blocks(argv: list[str]) -> list[str]:
    """Let a program read and write a mebibyte at a time instead of 4 KiB, with ``stdbuf``.

    Each write wakes whoever reads the pipe; a quarter of a million of them for a gigabyte
    cost as much as compressing it.
    """
    stdbuf = shutil.which("stdbuf")
    return [stdbuf, f"--input={BLOCK}", f"--output={BLOCK}", *argv] if stdbuf else argv
