"""Option files of MySQL's and MariaDB's programs: ours, and what a site's own says.

https://dev.mysql.com/doc/refman/8.4/en/option-files.html
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_ESCAPES = {
    "\\": "\\\\",
    '"': '\\"',
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
}
_UNESCAPES = {
    "\\": "\\",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "b": "\b",
    "s": " ",
    '"': '"',
    "'": "'",
}
_DEEPEST = 10
"""Files that include one another, at most."""


@dataclass(frozen=True)
class OptionFile:
    """An option file that is there until its context ends.

    ``argument`` has to be a program's first; the program must keep the descriptors ``inherited``.
    """

    argument: str
    inherited: tuple[int, ...] = ()


@contextlib.contextmanager
def written(values: Mapping[str, str]) -> Iterator[OptionFile]:
    """A file with these options for every program, which nobody else can read.

    Where the system has it, it lies in memory and has no name: a killed process leaves nothing.
    Else it is a temporary file (mode 0600) that is removed at the end.
    """
    data = render(values).encode(errors="surrogateescape")
    if hasattr(os, "memfd_create") and Path("/dev/fd").is_dir():
        descriptor = os.memfd_create("trustbackup-options")
        try:
            # Programs pass over a file that others may write, and a new one is 0777.
            os.fchmod(descriptor, 0o600)
            os.write(descriptor, data)
            yield OptionFile(f"--defaults-file=/dev/fd/{descriptor}", (descriptor,))
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile(prefix="trustbackup-", suffix=".cnf") as file:
        file.write(data)
        file.flush()
        yield OptionFile(f"--defaults-file={file.name}")


def render(values: Mapping[str, str]) -> str:
    """The text of a file; an option whose value is "" stands by itself."""
    lines = [f"{name}={quoted(value)}" if value else name for name, value in values.items()]
    return "\n".join(["[client]", *lines, ""])


def quoted(value: str) -> str:
    """A value in double quotes: else ``#`` begins a comment, and blanks and quotes are lost."""
    return '"' + "".join(_ESCAPES.get(character, character) for character in value) + '"'


def read_groups(path: Path, groups: tuple[str, ...]) -> dict[str, str]:
    """The options in these groups of a file and of what it includes, by their names with dashes.

    A group that is named later wins. A file that can't be read has none.
    """
    found: dict[str, dict[str, str]] = {}
    _read(path, found, _DEEPEST)
    values: dict[str, str] = {}
    for group in groups:
        values.update(found.get(group, {}))
    return values


def _read(path: Path, found: dict[str, dict[str, str]], deepest: int) -> None:
    try:
        text = path.expanduser().read_text(errors="surrogateescape")
    except OSError:
        return
    group = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("!include") and deepest:
            word, _space, where = line.partition(" ")
            target = Path(where.strip())
            files = sorted(target.glob("*.cnf")) if word == "!includedir" else [target]
            for file in files:
                _read(file, found, deepest - 1)
        elif line.startswith("[") and "]" in line:
            group = line[1 : line.index("]")].strip()
        elif line and line[0] not in "#;!":
            name, _equals, value = line.partition("=")
            found.setdefault(group, {})[name.strip().replace("_", "-")] = _value(value.strip())


def _value(text: str) -> str:
    """As MySQL's own reader has it: a comment goes, then quotes around all of it, then escapes."""
    quote = ""
    for position, character in enumerate(text):
        escaped = position > 0 and text[position - 1] == "\\"
        if quote:
            quote = "" if character == quote and not escaped else quote
        elif character in "\"'":
            quote = character
        elif character == "#":
            text = text[:position].rstrip()
            break
    if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0]:
        text = text[1:-1]
    pieces = iter(text)
    plain = ""
    for character in pieces:
        if character == "\\":
            following = next(pieces, "")
            plain += _UNESCAPES.get(following, f"\\{following}")
        else:
            plain += character
    return plain
