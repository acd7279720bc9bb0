#!/usr/bin/env bash
# pyrage hides which error the disk gave: a full disk has no errno any more.
#
# pyrage 1.4.0 (PyPI; age encryption, in Rust). Seen on 2026-11-29: encrypt_io() onto a full device raises
# pyrage.EncryptError("OSError: [Errno 28] No space left on device"), which is no OSError; errno,
# __cause__ and __context__ are empty. Python's own write raises OSError with errno 28.
# For backups: "except OSError as e: if e.errno == ENOSPC" never runs for an encrypted backup; the writer
# that is handed in has to remember its own error.
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
import errno, io, sys
import pyrage

recipient = pyrage.x25519.Identity.generate().to_public()
with open("/dev/full", "wb", buffering=0) as full:
    try:
        full.write(b"x")
    except OSError as error:
        print("Python's write:", type(error).__name__, "errno", error.errno)
        assert error.errno == errno.ENOSPC
    try:
        pyrage.encrypt_io(io.BytesIO(bytes(1_000_000)), full, [recipient])
        sys.exit("changed: no error at all")
    except Exception as error:
        seen = getattr(error, "errno", None), error.__cause__, error.__context__
        print("pyrage's:", repr(error), "errno, cause, context:", seen)
        sys.exit(isinstance(error, OSError) or any(x is not None for x in seen))
PY
