"""What SQLite makes of a database's NAME: a file, or memory.

The engine and the catalogue, which must not create a file by looking, both ask here.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, unquote


def file_of(name: str | Path) -> Path | None:
    """The file that a NAME in ``DATABASES`` means; None when it lives in memory.

    Django opens every name with ``uri=True``. https://www.sqlite.org/uri.html and
    https://www.sqlite.org/inmemorydb.html
    """
    text = str(name)
    if not text.startswith("file:"):
        return None if text in ("", ":memory:") else Path(text)
    rest = text.removeprefix("file:").partition("#")[0]
    path, _mark, query = rest.partition("?")
    if path.startswith("//"):
        path = "/" + path[2:].partition("/")[2]
    options = dict(parse_qsl(query, keep_blank_values=True))
    path = unquote(path)
    if path in ("", ":memory:") or options.get("mode") == "memory" or options.get("vfs") == "memdb":
        return None
    return Path(path)
