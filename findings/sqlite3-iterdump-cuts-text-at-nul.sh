#!/usr/bin/env bash
# Python's iterdump() cuts a text at its first NUL character, without an error.
#
# Python 3.11.7, SQLite 3.40.1. Seen on 2026-11-29: 'order\0 7' is a text of eight characters in the table, and
# 'order' in the dump and after loading it; a BLOB with the same bytes comes back whole. SQLite's quote(), with which
# iterdump writes its INSERTs, reads a text as far as the NUL. Django stores such a text on SQLite as it is.
# For backups: a dump as SQL text loses what a copy of the file (or the backup API) keeps; nothing counts as missing.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

python3 - <<'PY'
import sqlite3
import sys

live, loaded = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
live.execute("CREATE TABLE note (as_text TEXT, as_blob BLOB)")
live.execute("INSERT INTO note VALUES (?, ?)", ("order\0 7", b"order\0 7"))
live.commit()
script = "\n".join(live.iterdump())
print(script)
loaded.executescript(script)
seen = [c.execute("SELECT as_text, as_blob FROM note").fetchone() for c in (live, loaded)]
print(*seen, sep="\n")
sys.exit(seen != [("order\0 7", b"order\0 7"), ("order", b"order\0 7")])
PY
