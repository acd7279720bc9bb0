"""A PostgreSQL cluster of our own for one drill, where the role may create no database.

It lives in a temporary folder, listens on a Unix socket there and nowhere else, and dies
with the drill. The server refuses to run as root, which hands it to the user ``postgres``.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.session import scalar
from trustbackup.databases.postgresql.tools import find_program
from trustbackup.databases.process import Program, output_of
from trustbackup.databases.room import no_room
from trustbackup.databases.values import OF_SUPERUSER
from trustbackup.exceptions import ProgramError, RestoreError
from trustbackup.phrases import gettext as _

_TRIES = 300
_EMPTY = 96 << 20
"""Bytes of a new cluster and its first WAL; loading writes about as much WAL as rows."""
_LONGEST_FOLDER = 80
"""Bytes: a socket's path has at most 107, and its folder's and its own name come after."""


def locale_options(cursor: CursorWrapper) -> list[str]:
    """initdb's options for the locale of the database that the cursor is in. DatabaseError.

    What its order decides, such as the partition that a text belongs to, is to be the same.
    """
    row = scalar(cursor, "SELECT to_jsonb(d) FROM pg_database d WHERE datname = current_database()")
    found: dict[str, Any] = row if isinstance(row, dict) else json.loads(row)
    options = [f"--lc-collate={found['datcollate']}", f"--lc-ctype={found['datctype']}"]
    provider = {"i": "icu", "b": "builtin"}.get(found.get("datlocprovider", ""))
    locale = found.get("datlocale") or found.get("daticulocale")
    if provider and locale:
        options += [f"--locale-provider={provider}", f"--{provider}-locale={locale}"]
    if rules := found.get("daticurules"):
        options.append(f"--icu-rules={rules}")
    return options


@contextlib.contextmanager
def throwaway_cluster(
    what: str, encoding: str, locale: Sequence[str], server_version: int, size: int
) -> Iterator[dict[str, object]]:
    """Start one; yields what Django's settings of a connection to it are to be.

    Its role is not there yet: ``make_role`` makes it.

    ``locale`` is what ``locale_options`` says, left out where this system lacks it.
    ``size`` is that of the live database, in bytes. Raises RestoreError when the server's programs
    are not installed, no folder has room for it, or it does not start.
    """
    programs = Path(find_program("pg_restore", server_version)).resolve().parent
    if not (programs / "initdb").exists():
        raise RestoreError(
            what,
            why=_("its role may not create databases, and no PostgreSQL server is installed here"),
            todo=_("Grant CREATEDB, or install the server's package, then try again."),
        )
    folder = Path(tempfile.mkdtemp(prefix="tb-", dir=_folder_with_room(what, 2 * size + _EMPTY)))
    prefix: list[str] = []
    try:
        if os.geteuid() == 0:
            prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
        data = folder / "data"
        env = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        secret = secrets.token_urlsafe()
        password = folder / "password"
        password.touch(0o600)
        password.write_text(secret)
        if prefix:
            os.chown(password, user.pw_uid, user.pw_gid)
        initdb = [str(programs / "initdb"), "-D", str(data), "-U", "drill", "-A", "scram-sha-256"]
        initdb += [f"--pwfile={password}"]
        initdb += ["-E", encoding, "--locale=C", "--no-sync"]
        try:
            output_of([*prefix, *initdb, *locale], env, timeout=120)
        except ProgramError:
            output_of([*prefix, *initdb], env, timeout=120)
        server = [str(programs / "postgres"), "-D", str(data), "-k", str(folder)]
        server += ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_wal_size=4GB"]
        with Program([*prefix, *server], env) as program:
            _wait_ready(programs, folder, program)
            yield {
                "HOST": str(folder),
                "PORT": "5432",
                "USER": "trustbackup_drill",
                "PASSWORD": secrets.token_urlsafe(),
                "OPTIONS": {},  # the site's own may say another host
                OF_SUPERUSER: {"USER": "drill", "PASSWORD": secret},
            }
    except (ProgramError, KeyError) as error:
        raise RestoreError(
            what,
            why=_("a server for the drill did not start (%(error)s)", error=error),
            todo=_("See its package."),
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _folder_with_room(what: str, needed: int) -> Path:
    """The folder for temporary files, or another of the system where that has too few bytes."""
    rooms: dict[Path, int] = {}
    for folder in (Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/tmp")):  # noqa: S108
        if len(str(folder)) <= _LONGEST_FOLDER and _can_be_used(folder):
            rooms[folder] = shutil.disk_usage(folder).free
            if rooms[folder] >= needed:
                return folder
    largest = max(rooms, key=lambda folder: rooms[folder], default=Path(tempfile.gettempdir()))
    raise RestoreError(
        what,
        why=no_room(largest, rooms.get(largest, 0), needed),
        todo=_("Free some space there, or let TMPDIR name a folder that has it."),
    )


def _can_be_used(folder: Path) -> bool:
    """By the server's own user as well, where root starts it."""
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    above = [folder.resolve(), *folder.resolve().parents]
    return os.geteuid() != 0 or all(each.stat().st_mode & stat.S_IXOTH for each in above)


def _wait_ready(programs: Path, folder: Path, program: Program) -> None:
    for _attempt in range(_TRIES):
        try:
            output_of([str(programs / "pg_isready"), "-h", str(folder), "-q"], timeout=5)
        except ProgramError:
            if program.ended:
                program.check()
            time.sleep(0.05)
        else:
            return
    raise ProgramError(_("postgres did not answer"), why=program.complaint[-300:])
