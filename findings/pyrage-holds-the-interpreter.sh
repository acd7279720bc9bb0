#!/usr/bin/env bash
# pyrage's encrypt() and decrypt() of a large value stop every other thread of the process until they are done.
#
# pyrage 1.4.0 (PyPI). Seen on 2026-11-29: a thread that beats a hundred times a second beats once or twice
# while 60 MB are encrypted, decrypted, or a file of that size is encrypted by encrypt_file(); zlib lets
# it beat on. The interpreter's lock is held all the while.
# For backups: heartbeats, progress, a Cancel and a web worker's other requests wait as long as the largest file takes.
# Encrypt in pieces (encrypt_io, whose reads and writes let others in), or in another process.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'pyrage==1.4.0' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }

"$work/venv/bin/python" - "$work" <<'PY'
import os
import sys
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pyrage

key = pyrage.x25519.Identity.generate()
content = os.urandom(60_000_000)
plain = Path(sys.argv[1]) / "dump"
plain.write_bytes(content)
beats: list[float] = []
done = threading.Event()


def beat() -> None:
    while not done.wait(0.01):
        beats.append(time.perf_counter())


def beats_during(work: Callable[[], object]) -> tuple[int, object]:
    begun = time.perf_counter()
    result = work()
    ended = time.perf_counter()
    return sum(begun < moment < ended for moment in beats), result


thread = threading.Thread(target=beat)
thread.start()
try:
    encrypting, sealed = beats_during(lambda: pyrage.encrypt(content, [key.to_public()]))
    decrypting, _ = beats_during(lambda: pyrage.decrypt(sealed, [key]))
    target = f"{plain}.age"
    of_a_file, _ = beats_during(lambda: pyrage.encrypt_file(str(plain), target, [key.to_public()]))
    packing, _ = beats_during(lambda: zlib.compress(content, 6))
finally:
    done.set()
    thread.join()
print(f"beats during encrypt {encrypting}, decrypt {decrypting}, encrypt_file {of_a_file}, zlib {packing}")
sys.exit(max(encrypting, decrypting, of_a_file) > 3 or packing < 20)
PY
