"""Finding the programs of MySQL and MariaDB, and what each of them can be told."""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trustbackup.databases.process import output_of
from trustbackup.exceptions import DumpError, ProgramError
from trustbackup.phrases import gettext as _

MARIADB, MYSQL = "mariadb", "mysql"
"""The two families."""
DUMPERS = ("mariadb-dump", "mysqldump")
CLIENTS = ("mariadb", "mysql")
_PACKAGES = {MARIADB: "mariadb-client", MYSQL: "mysql-client"}
_FOLDERS = (
    "/usr/local/mysql/bin",
    "/opt/homebrew/opt/mysql-client/bin",
    "/opt/homebrew/opt/mariadb/bin",
    "/usr/local/opt/mysql-client/bin",
)
"""Where they lie outside of the PATH, as people install them by hand."""
_FLAG = re.compile(r"--([a-z][a-z0-9-]+)")
_NUMBERS = re.compile(r"(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True)
class Server:
    """What a server says of itself."""

    version: str
    """As ``SELECT VERSION()`` has it."""

    @property
    def family(self) -> str:
        return MARIADB if "mariadb" in self.version.lower() else MYSQL

    @property
    def number(self) -> tuple[int, int, int]:
        # Some old MariaDB pretends to be MySQL 5.5.5 first.
        return _numbers(self.version.removeprefix("5.5.5-"))


@dataclass(frozen=True)
class ClientProgram:
    """An installed program: its path, what it says of its version, and the flags that it knows."""

    path: str
    version_text: str
    flags: frozenset[str] = field(repr=False)
    more: tuple[str, ...] = ()
    """Options that the site gives it in ``DUMP_CMD`` or ``RESTORE_CMD``."""

    @property
    def family(self) -> str:
        return MARIADB if "mariadb" in self.version_text.lower() else MYSQL

    @property
    def number(self) -> tuple[int, int, int]:
        """Of the distribution: ``10.11.19`` for ``Ver 10.19 Distrib 10.11.19-MariaDB``."""
        return _numbers(self.version_text)

    def known(self, *arguments: str) -> list[str]:
        """Those of these arguments (``--name`` or ``--name=value``) that it knows."""
        return [argument for argument in arguments if self.knows(argument)]

    def knows(self, argument: str) -> bool:
        name = argument.removeprefix("--").partition("=")[0]
        return name in self.flags or (
            # Every switch can be turned off so, and is listed by its own name only.
            name.startswith("skip-") and name.removeprefix("skip-") in self.flags
        )


def find_dumper(server: Server, command: str = "mysqldump") -> ClientProgram:
    """What dumps this server; ``command`` is dbbackup's ``DUMP_CMD``. Raises DumpError."""
    return _find(DUMPERS, server, command, "mysqldump", "DUMP_CMD")


def find_client(server: Server, command: str = "mysql") -> ClientProgram:
    """What feeds this server a script; ``command`` is ``RESTORE_CMD``. Raises DumpError."""
    return _find(CLIENTS, server, command, "mysql", "RESTORE_CMD")


def commands_of(connector: Any) -> tuple[str, str]:  # noqa: ANN401 - dbbackup has no types
    """``DUMP_CMD`` and ``RESTORE_CMD`` of dbbackup's connector."""
    return str(connector.dump_cmd), str(connector.restore_cmd)


def _find(
    names: tuple[str, ...], server: Server, command: str, usual: str, setting: str
) -> ClientProgram:
    """Of the server's own family if there is one, and then the newest."""
    configured, *more = _split(setting, command) or [usual]
    if configured != usual:
        names = (configured,)
    found = [program for path in _candidates(names) if (program := program_at(path))]
    if not found:
        raise DumpError(
            _("%(name)s was not found", name=names[0]),
            why=_("DBBACKUP_CONNECTORS names it")
            if configured != usual
            else _("MariaDB's and MySQL's client programs are not installed"),
            todo=_(
                "Install them (Debian: apt install %(package)s), then try again.",
                package=_PACKAGES[server.family],
            ),
        )
    best = max(found, key=lambda one: (one.family == server.family, one.number))
    return ClientProgram(best.path, best.version_text, best.flags, tuple(more))


def _split(setting: str, command: str) -> list[str]:
    if Path(command).is_file():
        return [command]
    try:
        return shlex.split(command)
    except ValueError as error:
        raise DumpError(
            _("%(setting)s of DBBACKUP_CONNECTORS can't be followed", setting=setting),
            why=str(error),
            todo=_("Correct it, then try again."),
        ) from error


def _candidates(names: Iterable[str]) -> list[str]:
    found: dict[str, str] = {}
    for name in names:
        if os.sep in name:
            found.setdefault(os.path.realpath(name), name)
            continue
        for folder in [*os.get_exec_path(), *_FOLDERS]:
            if path := shutil.which(name, path=folder):
                # One name is often a link to the other.
                found.setdefault(os.path.realpath(path), path)
    return list(found.values())


def program_at(path: str) -> ClientProgram | None:
    """The program there; None if it can't be asked."""
    try:
        return _program_at(path, Path(path).stat().st_mtime_ns)
    except (ProgramError, OSError):
        return None


@functools.lru_cache
def _program_at(path: str, _changed: int) -> ClientProgram:
    version = output_of([path, "--version"]).strip()
    listed = output_of([path, "--no-defaults", "--help"])
    # What follows is a table of the values, where each option has its whole name.
    flags = set(_FLAG.findall(listed))
    _head, _line, table = listed.partition("\n-----")
    flags |= {line.split()[0] for line in table.splitlines() if line[:1].isalpha() and line.split()}
    return ClientProgram(path, version, frozenset(flags))


def _numbers(text: str) -> tuple[int, int, int]:
    _before, _word, after = text.rpartition("Distrib ")
    match = _NUMBERS.search(after or text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else (0, 0, 0)
