"""Filling a database with pg_restore, as fast as the archive allows.

pg_restore makes the tables, and builds the keys and indexes with several workers at the end.
The rows between go through several sessions of ours. A custom archive streams in once,
decompressed on the way and never written to the disk: its table of contents lies at its
head, and a copy of that is all that the other two steps need. A directory archive is
unpacked.
"""

from __future__ import annotations

import re
import shlex
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO, cast

from django.db import DatabaseError

from trustbackup.databases.base import LoadRequest, OpenRaw
from trustbackup.databases.postgresql.crew import JOBS, Crew, Sessions
from trustbackup.databases.postgresql.dump import DIRECTORY
from trustbackup.databases.postgresql.script import Script
from trustbackup.databases.postgresql.tools import (
    binary_connector,
    environment,
    find_program,
    take_address,
)
from trustbackup.databases.process import Feeder, Program, output_of
from trustbackup.exceptions import ManifestError, ProgramError, RestoreError
from trustbackup.store.streams import BLOCK, Readable

_MEMBER = re.compile(
    r"(?:\./)?((?:toc\.dat|blobs(?:_\d+)?\.toc|(?:blob_)?\d+\.dat)(?:\.(?:gz|lz4|zst))?)"
)


class Loader:
    """pg_restore aimed at one database of an alias's server."""

    def __init__(
        self, alias: str, what: str, server_version: int, address: Mapping[str, str]
    ) -> None:
        self.alias = alias
        self.what = what
        self._server_version = server_version
        self._address = address

    def load(self, request: LoadRequest, sessions: Sessions) -> None:
        """``sessions`` opens one on that database. Raises RestoreError."""
        with tempfile.TemporaryDirectory(dir=request.workdir, prefix="restore-") as folder:
            more = [] if request.privileges else ["--no-privileges"]
            more += [f"--table={table}" for table in request.tables]
            archive = Path(folder) / "archive"
            if request.format == DIRECTORY:
                archive.mkdir(mode=0o700)
                unpack(request.open_raw, archive, self.what)
            else:
                save_head(self.program(), request.open_raw, archive)
            self.run([*more, "--section=pre-data", "--single-transaction", str(archive)])
            if request.format == DIRECTORY:
                self._load_rows([*more, str(archive)], None, sessions)
            else:
                self._stream_rows(more, request.open_raw, sessions)
            self.run([*more, "--section=post-data", "--jobs", str(JOBS), str(archive)])

    def _stream_rows(self, arguments: list[str], open_raw: OpenRaw, sessions: Sessions) -> None:
        with open_raw() as raw:
            feeder = Feeder(raw)
            try:
                self._load_rows(arguments, feeder.read_end, sessions)
            finally:
                # Damage in the backup is the cause of what pg_restore complains about.
                feeder.finish()

    def _load_rows(self, arguments: list[str], stdin: BinaryIO | None, sessions: Sessions) -> None:
        argv = [self.program(), "--section=data", "--file=-", *arguments]
        try:
            with Program(argv, stdin=stdin) as program, Crew(sessions) as crew:
                Script(program).play(crew.run, crew.copy)
        except (ProgramError, DatabaseError) as error:
            why = error.why or error.what if isinstance(error, ProgramError) else str(error)
            raise RestoreError(
                self.what,
                why=" ".join(why.split()),
                todo="The live database was not touched.",
            ) from error

    def run(self, arguments: Iterable[str], stdin: BinaryIO | None = None) -> None:
        """One pg_restore, built by dbbackup's connector. Raises RestoreError."""
        connector = binary_connector(self.alias)
        address = {**take_address(connector), **self._address}
        connector.restore_cmd = shlex.quote(self.program())
        connector.drop = connector.if_exists = connector.single_transaction = False

        def run_command(
            command: str, stdin: BinaryIO | None = None, env: Mapping[str, str] | None = None
        ) -> tuple[None, None]:
            fixed = ["--no-owner", "--exit-on-error", "--no-password"]
            with Program(
                [*shlex.split(command), *fixed, *arguments],
                environment(connector, env or {}, address),
                stdin=stdin,
                secrets=[address.get("PGPASSWORD", "")],
            ) as program:
                program.check()
            return None, None

        connector.run_command = run_command
        try:
            connector.restore_dump(stdin)
        except ProgramError as error:
            raise RestoreError(
                self.what, why=error.why or error.what, todo="The live database was not touched."
            ) from error

    def program(self) -> str:
        connector = binary_connector(self.alias)
        configured = connector.restore_cmd if connector.restore_cmd != "pg_restore" else ""
        return find_program("pg_restore", self._server_version, configured)


class _Tee:
    """Keeps what was read through it."""

    def __init__(self, raw: Readable, copy: BinaryIO) -> None:
        self._raw, self._copy = raw, copy

    def read(self, size: int = -1, /) -> bytes:
        block = self._raw.read(min(size, BLOCK // 4) if size > 0 else size)
        self._copy.write(block)
        return block


def save_head(pg_restore: str, open_raw: OpenRaw, target: Path) -> str:
    """Write an archive's head, at least its table of contents, and return its listing.

    ``pg_restore --list`` reads just that and leaves.
    """
    with open_raw() as raw, target.open("wb") as copy:
        feeder = Feeder(_Tee(raw, copy))
        try:
            return output_of([pg_restore, "--list"], stdin=feeder.read_end, timeout=600)
        except ProgramError as error:
            raise RestoreError(
                "The archive can't be read", why=error.why, todo="Restore another backup."
            ) from error
        finally:
            feeder.finish()


def unpack(open_raw: OpenRaw, folder: Path, what: str) -> None:
    """Unpack a directory archive's tar: plain files of pg_dump's own names, nothing else."""
    with open_raw() as raw:
        try:
            with tarfile.open(fileobj=cast("BinaryIO", raw), mode="r|", bufsize=BLOCK) as tar:
                for member in tar:
                    name = _MEMBER.fullmatch(member.name)
                    source = tar.extractfile(member) if name and member.isreg() else None
                    if name is None or source is None:
                        raise RestoreError(
                            what,
                            why=f"its archive holds {member.name[:99]!r}, which is not pg_dump's",
                            todo="The live database was not touched; restore another backup.",
                        )
                    with (folder / name[1]).open("xb") as file:
                        shutil.copyfileobj(source, file, BLOCK)
        except (tarfile.TarError, FileExistsError) as error:
            raise ManifestError(
                what, why=f"its tar archive is damaged ({error})", todo="Restore another backup."
            ) from error
        while raw.read(BLOCK):
            pass
