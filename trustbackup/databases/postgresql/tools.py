"""Finding PostgreSQL's programs, and telling them where to connect.

The connection travels in libpq's environment variables only: a name with a space, a quote
or an ``=`` is then one literal value, and no password is ever on an argument list.
https://www.postgresql.org/docs/current/libpq-envars.html
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dbbackup.db.base import get_connector
from dbbackup.db.postgresql import PgDumpBinaryConnector

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
# What Django passes to libpq in OPTIONS and dbbackup leaves out.
_OPTIONS = {
    "options": "PGOPTIONS",
    "hostaddr": "PGHOSTADDR",
    "channel_binding": "PGCHANNELBINDING",
    "gssencmode": "PGGSSENCMODE",
    "requirepeer": "PGREQUIREPEER",
    "sslcrl": "PGSSLCRL",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}


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


def take_address(connector: PgDumpBinaryConnector) -> dict[str, str]:
    """Move where to connect out of the connector into environment variables.

    What it puts on the command line after this is ``--dbname=postgresql:///``, which takes
    everything from the environment.
    """
    settings: dict[str, Any] = dict(connector.settings)
    options: dict[str, Any] = settings.get("OPTIONS") or {}
    env = {name: str(options[key]) for key, name in _OPTIONS.items() if options.get(key)}
    for key, name in (
        ("NAME", "PGDATABASE"),
        ("USER", "PGUSER"),
        ("PASSWORD", "PGPASSWORD"),
        ("HOST", "PGHOST"),
        ("PORT", "PGPORT"),
    ):
        if settings.get(key):
            env[name] = str(settings[key])
    blank = dict.fromkeys(("NAME", "USER", "HOST", "PORT", "PASSWORD"), "")
    connector._settings = {**settings, **blank}  # noqa: SLF001 - its cache of settings
    return env


def find_program(name: str, server_version: int, configured: str = "") -> str:
    """The newest installed program that is not older than the server, as a full path.

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
            why=_("PostgreSQL's client programs are not installed"),
            todo=_(
                "Install them (Debian: apt install %(package)s), then try again.", package=package
            ),
        )
    version, path = found[0]
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


def environment(connector: PgDumpBinaryConnector, *more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a program: the site's own, the connector's, then ``more``."""
    env = dict(os.environ) if connector.use_parent_env else {}
    env.setdefault("PATH", os.defpath)
    for item in (connector.env, *more):
        env.update({key: str(value) for key, value in item.items()})
    return env
