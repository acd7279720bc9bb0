"""Filling a database with pg_restore, as fast as the archive allows.

A custom archive streams in once, decompressed on the way and never written to the disk:
its table of contents lies at its head, so the indexes and keys, which come after the rows,
are then built by several workers from a copy of that head alone. A directory archive is
unpacked, because its workers read many files at once.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO, cast

from trustbackup.databases.base import LoadRequest, OpenRaw
from trustbackup.databases.postgresql.dump import DIRECTORY
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
_JOBS = str(max(2, min(8, os.cpu_count() or 1)))


class Loader:
    """pg_restore aimed at one database of an alias's server."""

    def __init__(
        self, alias: str, what: str, server_version: int, address: Mapping[str, str]
    ) -> None:
        self.alias = alias
        self.what = what
        self._server_version = server_version
        self._address = address

    def load(self, request: LoadRequest) -> None:
        """Raises RestoreError; nothing else was touched then."""
        with tempfile.TemporaryDirectory(dir=request.workdir, prefix="restore-") as folder:
            more = [] if request.privileges else ["--no-privileges"]
            more += [f"--table={table}" for table in request.tables]
            if request.format == DIRECTORY:
                unpack(request.open_raw, Path(folder), self.what)
                self.run([*more, "--jobs", _JOBS, folder])
                return
            head = Path(folder) / "head"
            save_head(self.program(), request.open_raw, head)
            rows_first = ["--section=pre-data", "--section=data", "--single-transaction"]
            self._stream([*more, *rows_first], request.open_raw)
            self.run([*more, "--section=post-data", "--jobs", _JOBS, str(head)])

    def _stream(self, arguments: list[str], open_raw: OpenRaw) -> None:
        with open_raw() as raw:
            feeder = Feeder(raw)
            try:
                self.run(arguments, feeder.read_end)
            finally:
                # Damage in the backup is the cause of what pg_restore complains about.
                feeder.finish()

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
