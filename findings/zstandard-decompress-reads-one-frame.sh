#!/usr/bin/env bash
# python-zstandard's decompress() gives the first frame of a zstd file and drops the rest; its streams read all.
#
# zstandard 0.25.0 (PyPI). Seen on 2026-11-29: of two frames one after the other, which is one valid zstd file
# (RFC 8878, section 3.1; what pzstd and "cat a.zst b.zst" make), ZstdDecompressor().decompress() returns the
# first one's content without an error; stream_reader(), copy_stream() and zstandard.open() return both.
# For backups: a dump appended to, or compressed in parallel, comes back short where somebody saves the stream.
# allow_extra_data=False at least raises.
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
import io
import sys

import zstandard

compress = zstandard.ZstdCompressor().compress
file = compress(b"orders ") + compress(b"and customers")
reader = zstandard.ZstdDecompressor()
copied = io.BytesIO()
reader.copy_stream(io.BytesIO(file), copied)
seen = {
    "decompress()": reader.decompress(file),
    "stream_reader()": reader.stream_reader(io.BytesIO(file)).read(),
    "copy_stream()": copied.getvalue(),
    "zstandard.open()": zstandard.open(io.BytesIO(file)).read(),
}
for name, content in seen.items():
    print(f"{name:18} {content}")
try:
    reader.decompress(file, allow_extra_data=False)
    strict = "nothing raised"
except zstandard.ZstdError as error:
    strict = str(error)
print("allow_extra_data=False:", strict)
whole = [name for name, content in seen.items() if content == b"orders and customers"]
sys.exit(
    seen["decompress()"] != b"orders "
    or whole != ["stream_reader()", "copy_stream()", "zstandard.open()"]
    or strict == "nothing raised"
)
PY
