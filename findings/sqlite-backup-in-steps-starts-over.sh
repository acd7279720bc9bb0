#!/usr/bin/env bash
# SQLite's backup in steps begins anew with each write of somebody else: beside a busy site it never ends.
#
# Python 3.11.7, SQLite 3.40.1. Seen on 2026-11-29: backup(pages=100) of a database with 4,000 rows, and one small
# write through another connection between two steps: after 30 steps as much remains as after the first, 30 times the
# work was done, and no error tells. A read transaction on the source, held while it is copied, ends that in WAL mode:
# ten steps and done, and the writer goes on. For backups: "in small steps, so as not to stand in the way" is right
# only with that transaction; otherwise copy in one step (pages=-1).
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 - "$work" <<'PY'
import sqlite3
import sys
from pathlib import Path


class Enough(Exception):
    pass


def remaining_pages(mode: str, held: bool) -> list[int]:
    live = Path(sys.argv[1]) / f"{mode}-{held}.sqlite3"
    source = sqlite3.connect(live, isolation_level=None)
    source.execute(f"PRAGMA journal_mode = {mode}")
    source.execute("CREATE TABLE line (text)")
    source.execute("BEGIN")
    source.executemany("INSERT INTO line VALUES (?)", [("x" * 900,)] * 4000)
    source.execute("COMMIT")
    visitor = sqlite3.connect(live, isolation_level=None)
    seen: list[int] = []

    def after_a_step(status: int, remaining: int, total: int) -> None:
        seen.append(remaining)
        if len(seen) == 30:
            raise Enough
        visitor.execute("INSERT INTO line VALUES ('y')")

    if held:
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM line").fetchone()
    try:
        source.backup(sqlite3.connect(":memory:"), pages=100, progress=after_a_step)
    except Enough:
        pass
    return seen


plain, wal = remaining_pages("DELETE", False), remaining_pages("WAL", False)
held = remaining_pages("WAL", True)
print("rollback journal:", plain)
print("WAL:", wal)
print("WAL, in a read transaction:", held)
sys.exit(not (min(plain) >= plain[0] and min(wal) >= wal[0] and held[-1] == 0 and len(plain) == len(wal) == 30))
PY
