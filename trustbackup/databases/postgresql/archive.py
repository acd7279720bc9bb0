"""What pg_restore needs of an archive besides its rows: its table of contents.

A custom archive has it at its head. A directory archive is a tar whose first member it is,
so that the others, one for each table, need not be on the disk at all.
"""

from __future__ import annotations

import re
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from trustbackup.databases.feeder import Feeder
from trustbackup.databases.postgresql.restore_script import LAST_ROW, Script
from trustbackup.databases.process import Program, output_of
from trustbackup.databases.values import OpenRaw
from trustbackup.exceptions import ManifestError, ProgramError, RestoreError
from trustbackup.phrases import gettext as _
from trustbackup.store.streams import BLOCK, Readable

TOC = "toc.dat"
_MEMBER = re.compile(
    r"(?:\./)?((?:toc\.dat|blobs(?:_\d+)?\.toc|(?:blob_)?\d+\.dat)(?:\.(?:gz|lz4|zst))?)"
)
# "4012; 0 16402 TABLE DATA public shop_order owner": its rows are in the file 4012.dat.
_ROWS = re.compile(r"^(\d+); \d+ \d+ TABLE DATA ", re.MULTILINE)
_OTHER_FILES = re.compile(r"^\d+; \d+ \d+ BLOB", re.MULTILINE)


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
    with open_raw() as raw, target.open("wb") as copy, Feeder(_Tee(raw, copy)) as feeder:
        try:
            return output_of([pg_restore, "--list"], stdin=feeder.read_end, timeout=600)
        except ProgramError as error:
            raise RestoreError(
                _("The archive can't be read"), why=error.why, todo=_("Restore another backup.")
            ) from error


Members = Iterator[tuple[str, Readable]]


@contextmanager
def members(open_raw: OpenRaw, what: str) -> Iterator[Members]:
    """The files of a directory archive's tar: plain ones of pg_dump's own names, no others.

    Each must be read before the next. Raises ManifestError for what is damaged.
    """
    with open_raw() as raw:
        try:
            with tarfile.open(fileobj=cast("BinaryIO", raw), mode="r|", bufsize=BLOCK) as tar:
                yield _plain_files(tar, what)
        except (tarfile.TarError, FileExistsError) as error:
            raise ManifestError(
                what,
                why=_("its tar archive is damaged (%(error)s)", error=error),
                todo=_("Restore another backup."),
            ) from error
        while raw.read(BLOCK):
            pass


def _plain_files(tar: tarfile.TarFile, what: str) -> Members:
    for member in tar:
        name = _MEMBER.fullmatch(member.name)
        source = tar.extractfile(member) if name and member.isreg() else None
        if name is None or source is None:
            raise RestoreError(
                what,
                why=_("its archive holds %(name)r, which is not pg_dump's", name=member.name[:99]),
                todo=_("The live database was not touched; restore another backup."),
            )
        yield name[1], source


def look_through(raw: Readable) -> str:
    """What is wrong with a directory archive's tar, read to its end; "" if nothing is.

    Raises ManifestError for what is damaged.
    """
    seen = set()
    try:
        with members(lambda: nullcontext(raw), _("The archive can't be read")) as files:
            for name, source in files:
                seen.add(name)
                while source.read(BLOCK):
                    pass
    except RestoreError as error:
        return error.why
    return "" if TOC in seen else _("it has no %(file)s", file=TOC)


def unpack(files: Members, folder: Path) -> None:
    for name, source in files:
        with (folder / name).open("xb") as file:
            shutil.copyfileobj(source, file, BLOCK)


@dataclass(frozen=True)
class Outline:
    """The data section of a directory archive without its rows.

    ``copies`` is the COPY statement for each file of rows, ``statements`` what runs besides.
    """

    copies: dict[str, bytes]
    statements: list[bytes]


def outline(
    pg_restore: str, files: Members, folder: Path, choose: Callable[[Path], list[str]]
) -> Outline | None:
    """Take ``toc.dat`` from the files and read it into an outline.

    ``choose`` is asked for pg_restore's options once it is in ``folder``.

    None when it does not come first, or the archive needs its other files on the disk: what
    was taken is in ``folder`` then. Else that has a file without rows for each table, which
    satisfies pg_restore.
    """
    name, source = next(files, ("", None))
    if source is not None:
        unpack(iter([(name, source)]), folder)
    if name != TOC:
        return None
    argv = [pg_restore, "--section=data", *choose(folder), str(folder)]
    listing = output_of([*argv, "--list"], timeout=600)
    names = [f"{number}.dat" for number in _ROWS.findall(listing)]
    if _OTHER_FILES.search(listing):
        return None
    for name in names:
        (folder / name).write_bytes(LAST_ROW)
    copies: list[bytes] = []
    statements: list[bytes] = []
    with Program([*argv, "--file=-"]) as program:
        Script(program).play(statements.append, lambda statement, _: copies.append(statement))
    if len(copies) != len(names):  # rows as INSERT
        for name in names:
            (folder / name).unlink()
        return None
    # The text follows the order of the list.
    return Outline(dict(zip(names, copies, strict=True)), statements)
