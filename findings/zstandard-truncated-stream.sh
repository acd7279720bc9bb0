#!/usr/bin/env bash
# python-zstandard reads a zstd file that was cut in the middle as if it were whole.
#
# zstandard 0.25.0 (PyPI). Seen on 2026-11-29: stream_reader() and zstandard.open() give out what is there
# and then an ordinary end of file, no exception: 393,216 of 3,000,000 bytes in pieces of 64 KiB. Python's
# gzip raises EOFError on the same, the zstd program says "premature end" and ends with 1.
# For backups: a dump whose upload or disk ended early restores as a shorter one, without a word; the
# length or a hash of what was written must be compared.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'zstandard==0.25.0' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }

"$work/venv/bin/python" - <<'PY'
import gzip, io, random, sys
import zstandard

whole = random.Random(1).randbytes(1_000_000) * 3
packed = zstandard.ZstdCompressor().compress(whole)
cut = packed[: len(packed) // 2]

def drain(reader):
    return sum(len(piece) for piece in iter(lambda: reader.read(65536), b""))

by_reader = drain(zstandard.ZstdDecompressor().stream_reader(io.BytesIO(cut)))
by_open = drain(zstandard.open(io.BytesIO(cut)))
print(f"written {len(whole)}, read from the cut file by stream_reader {by_reader}, by open {by_open}: no error")

zipped = gzip.compress(whole)
try:
    drain(gzip.open(io.BytesIO(zipped[: len(zipped) // 2])))
    sys.exit("changed: gzip does not complain")
except EOFError as error:
    print("gzip on the same:", error)
sys.exit(not (0 < by_reader < len(whole) and 0 < by_open < len(whole)))
PY
