#!/usr/bin/env bash
# pyrage calls a damaged file an OSError without an errno, like a failing disk, once it is read as a stream.
#
# pyrage 1.4.0 (PyPI). Seen on 2026-11-29: one byte in the middle of 300,000 is changed. decrypt() raises
# DecryptError; decrypt_io() has by then written the 196,608 good bytes before it and raises OSError("decryption
# error"), which is no DecryptError; a file that was cut ends the same way.
# For backups: code that tries an OSError again (a network folder) tries a damaged backup for ever, and what
# was written before the error is a valid beginning of the dump: keep it from being loaded.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'pyrage==1.4.0' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }

"$work/venv/bin/python" - <<'PY'
import io
import sys

import pyrage

key = pyrage.x25519.Identity.generate()
sealed = pyrage.encrypt(bytes(300_000), [key.to_public()])
damaged = bytearray(sealed)
damaged[200_500] ^= 1
seen = []
for what, content in ("damaged", bytes(damaged)), ("cut", sealed[:200_500]):
    written = io.BytesIO()
    for name, call in (
        ("decrypt", lambda: pyrage.decrypt(content, [key])),
        ("decrypt_io", lambda: pyrage.decrypt_io(io.BytesIO(content), written, [key])),
    ):
        try:
            call()
        except Exception as error:
            seen.append((type(error).__name__, getattr(error, "errno", None), len(written.getvalue())))
            print(f"{what}: {name}() raises {type(error).__name__}({error}), bytes given out: {seen[-1][2]}")
sys.exit(seen != [("DecryptError", None, 0), ("OSError", None, 196_608)] * 2)
PY
