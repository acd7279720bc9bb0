"""Case U: two commands at once on a backup that takes long to read.

Whatever the pair, each either does its work on the whole backup or says in one sentence that it is
used, or not there; and nothing is left over that a later command would stumble over.
"""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.backups import leftovers, listed, wait_for
from tests.support.index import backup_folder, checked, note, put
from tests.support.offsite import add
from tests.support.sites import SECRET_KEY, Process, Site, finish

SIZE = 200 << 20
"""Bytes. Whoever reads them is stopped in the middle while the other one works."""

READERS: dict[str, tuple[str, ...]] = {
    "verify": ("verify_backup", "ID", "--json"),
    "drill": ("verify_backup", "ID", "--restore", "--json"),
    "copy": ("sync_backups", "second", "--json"),
    "restore": ("restore_backup", "ID", "--force", "--json"),
    "plan": ("restore_backup", "ID", "--dry-run", "--json"),
}
WRITERS: dict[str, tuple[str, ...]] = {
    "delete": ("delete_backup", "ID", "--yes", "--last-good-too", "--json"),
    "prune": ("prune_backups", "--keep", "1", "--json"),
    "keep": ("keep_backup", "ID", "--json"),
    "rescan": ("rescan_backups", "--json"),
}
PAIRS = [(reader, writer) for reader in READERS for writer in WRITERS]


def large(site: Site) -> str:
    """A signed backup of zeros, older than the two small ones beside it; its id."""
    folder = backup_folder(site.backups, SECRET_KEY)
    put(folder, 1000, data=b"small")
    note(folder, put(folder, 2000, data=b"newest"), checked)
    return put(folder, 0, data=bytes(SIZE))


def start(site: Site, command: Sequence[str], identifier: str) -> Process:
    return site.start(*(identifier if word == "ID" else word for word in command))


@contextlib.contextmanager
def stopped_while_reading(process: Process, path: Path) -> Iterator[None]:
    """Stop a command as soon as it has the file open; it goes on afterwards."""
    wait_for(lambda: process.poll() is not None or has_open(process.pid, path))
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def has_open(pid: int, path: Path) -> bool:
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        with contextlib.suppress(OSError):
            if link.readlink() == path:
                return True
    return False


@pytest.mark.parametrize(("reader", "writer"), PAIRS, ids=["-".join(pair) for pair in PAIRS])
def test_case_u_a_pair_at_once_leaves_a_whole_backup_or_none(
    sqlite_site: Site, tmp_path: Path, reader: str, writer: str
) -> None:
    identifier = large(sqlite_site)
    if reader == "copy":
        (tmp_path / "second").mkdir()
        add(sqlite_site, tmp_path / "second" / "copies", name="second")
    path = sqlite_site.backups / f"backup_{identifier}.dump.gz"
    first = start(sqlite_site, READERS[reader], identifier)
    with stopped_while_reading(first, path):
        second = finish(start(sqlite_site, WRITERS[writer], identifier))
    ends = [second, finish(first)]
    for end in ends:
        assert "Traceback" not in end.stderr, str(end)
        assert end.returncode in (0, 1), str(end)
        for line in end.stderr.splitlines():
            assert line.endswith((".", "?")), str(end)
    rows = {row["id"]: row for row in listed(sqlite_site)}
    files = sorted(item.name for item in sqlite_site.backups.glob(f"backup_{identifier}*"))
    if identifier in rows:
        assert rows[identifier]["state"] == "complete"
        assert path.stat().st_size == SIZE
    else:
        assert files == []
    if writer == "delete" and reader in ("verify", "drill", "copy"):
        assert "using it" in ends[0].stderr, str(ends[0])
        assert identifier in rows
    assert leftovers(sqlite_site.backups) == []
    assert json.loads(sqlite_site.manage("rescan_backups", "--json").stdout)["cleaned"] == []
