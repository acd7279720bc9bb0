"""pg_restore's text before and after the rows, taken apart into its items and played.

Every item of an archive (a table, an index, a comment) has a head that names it. Played one by
one over a session of ours, each can fail, be left out or be put off by itself; pg_restore never
connects anywhere. Its sources write the heads: _printTocEntry() in pg_backup_archiver.c.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from django.db import DatabaseError
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.errors import explain, sqlstate_of
from trustbackup.databases.postgresql.pooled import configure, in_transaction, is_pooled, prelude
from trustbackup.databases.postgresql.sql_text import between_statements, escapes, is_complete
from trustbackup.phrases import gettext as _
from trustbackup.store.manifest import table_label

_HEAD = re.compile(
    rb"^--\n-- Name: (?P<name>[^\n]*); Type: (?P<kind>[A-Z][A-Z ]*); Schema: (?P<schema>[^\n]*);"
    rb" Owner: (?P<owner>[^\n]*?)(?:; Tablespace: [^\n]*)?\n--\n",
    re.MULTILINE,
)
_ENCODING = re.compile(rb"^SET client_encoding = '\w+';$", re.MULTILINE)
_CHUNK_OF_HEAD = 4096
"""Bytes in which pg_restore's settings stand, at the beginning of its text."""
_META = re.compile(rb"^\\restrict ([A-Za-z0-9]+)\n", re.MULTILINE)
_END = re.compile(rb"--\n-- PostgreSQL database dump complete\n--\n\s*\Z")
_SETTING = re.compile(rb"^SET (\w+) = ([^;\n]*);\n?", re.MULTILINE)
_OF_ITEMS = re.compile(rb"^SET default_\w+ = [^;\n]*;\n?", re.MULTILINE)
_NO_SEARCH_PATH = b"set_config('search_path', '', false)"
_TRAILING = re.compile(rb"\n(?:SET default_\w+ = [^;\n]*;\n|\n)+\Z")
_OWNER = re.compile(rb"(?:\A|\n)(ALTER [A-Z][A-Z ]* [^\n]* OWNER TO [^\n]+;)\Z")
_BEGIN = re.compile(
    rb"(?:--[^\n]*\n|\s*\n|SET \w+ = [^;\n]*;(?:\n|\Z)"
    rb"|SELECT pg_catalog\.set_config\([^;\n]*\);(?:\n|\Z))*"
)
_SAVEPOINT, _RELEASE = b"SAVEPOINT attempt;\n", b"\n;RELEASE SAVEPOINT attempt"
_NOT_FOUND = ("42P01", "42883", "42704")
_AS_THE_SITE = b"SET LOCAL search_path TO DEFAULT;\n"
_AS_PG_RESTORE = b"\n;SELECT pg_catalog.set_config('search_path', '', true);"
"""A function of the site's may find its tables only as the site does: by its search path.

pg_restore empties that, so that an index or a materialized view on such a function is lost.
"""
FILLING = "MATERIALIZED VIEW DATA"
"""Kind of the items that fill a view by its query, which may have failed for long at the site."""
FOREIGN_KEY = "FK CONSTRAINT"
_BROKEN_FOREIGN_KEY = "23503"
_CHUNK = 200
"""Items that are sent as one: a round trip and a commit for each would take longer."""


@dataclass(frozen=True)
class Item:
    """One entry of an archive as SQL; ``settings`` must be in force before it.

    ``give`` is the statement that gives it to its owner, which is not in ``text``.
    """

    kind: str
    schema: str
    name: str
    owner: str
    text: bytes
    settings: bytes = b""
    give: bytes = b""


@dataclass(frozen=True)
class Section:
    """A section's items in their order, and the settings that come before them all."""

    preamble: bytes
    items: Sequence[Item]


def read_section(text: bytes) -> Section:
    """Take one section of pg_restore's text apart. The entries stay in their order."""
    text, escaping = _END.sub(b"", _without_meta(text)), escapes(text)
    heads = list(between_statements(_HEAD, text, escaping=escaping))
    if not heads:
        return Section(text, [])
    ends = [head.start() for head in heads[1:]] + [len(text)]
    preamble = text[: heads[0].start()]
    items: list[Item] = []
    state = _settings_between_items(preamble)
    for head, end in zip(heads, ends, strict=True):
        parts = {key: value.decode(errors="replace") for key, value in head.groupdict().items()}
        body, following = text[head.end() : end], b""
        if end < len(text) and (tail := _at_the_end(_TRAILING, body, escaping=escaping)):
            body, following = body[: tail.start() + 1], tail[0]
        body, give = body.strip(), b""
        if owner := _at_the_end(_OWNER, body, escaping=escaping):
            body, give = body[: owner.start()].strip(), owner[1]
        items.append(Item(**parts, text=body, settings=b" ".join(state.values()), give=give))
        state |= _settings_between_items(following)
    return Section(_OF_ITEMS.sub(b"", preamble), items)


def _without_meta(text: bytes) -> bytes:
    """Without psql's own commands, the first and the last: nobody knew their key before."""
    if not (found := _META.search(text, 0, _CHUNK_OF_HEAD)):
        return text
    head, _meta, last = text[found.end() :].rpartition(b"\\unrestrict " + found[1] + b"\n")
    return text[: found.start()] + head + last


def _at_the_end(
    pattern: re.Pattern[bytes], body: bytes, *, escaping: bool
) -> re.Match[bytes] | None:
    """What ends an item's text as a statement of its own, and not within its last text."""
    found = pattern.search(body)
    return found if found and is_complete(body[: found.start()], escaping=escaping) else None


def _settings_between_items(text: bytes) -> dict[bytes, bytes]:
    found = _SETTING.finditer(text)
    return {one[1]: _local(one).strip() for one in found if one[1].startswith(b"default_")}


def _local(found: re.Match[bytes]) -> bytes:
    return b"SET LOCAL" + found[0].removeprefix(b"SET")


def known_settings(text: bytes, cursor: CursorWrapper) -> bytes:
    """The same with settings, at its head, that the server knows and that nobody inherits.

    A program that is newer than the server sets more. What is set in a transaction ends with it,
    and through a pooler nothing is set for the session.
    """
    end = _BEGIN.match(text).end()  # type: ignore[union-attr] # it matches nothing, too
    text, rest = text[:end], text[end:]
    names = sorted({found[1].decode() for found in _SETTING.finditer(text)})
    if not names:
        return text + rest
    cursor.execute(
        "SELECT name FROM unnest(%s::text[]) name WHERE current_setting(name, true) IS NULL",
        [names],
    )
    unknown = {name for (name,) in cursor.fetchall()}
    carried: dict[str, str] = {}

    def shown(found: re.Match[bytes]) -> bytes:
        name = found[1].decode()
        if name in unknown:
            return b""
        if name == "client_encoding":  # the connection's, which a pooler looks after
            return found[0]
        if in_transaction(cursor):
            return _local(found)
        if is_pooled(cursor):
            carried[name] = found[2].decode().strip("'")
            return b""
        return found[0]

    text = _SETTING.sub(shown, text)
    if _NO_SEARCH_PATH in text and is_pooled(cursor) and not in_transaction(cursor):
        carried["search_path"] = ""
    if carried:
        configure(cursor, **carried)
    if in_transaction(cursor) or is_pooled(cursor):
        text = text.replace(_NO_SEARCH_PATH, _NO_SEARCH_PATH.replace(b"false", b"true"))
    return text + rest


class Player:
    """Plays items in one session, in their order; ``inside`` a transaction or not."""

    def __init__(self, cursor: CursorWrapper, preamble: bytes, *, inside: bool = False) -> None:
        self.cursor = cursor
        self.inside = inside
        self.failed: list[tuple[Item, DatabaseError]] = []
        """What was of one of the kinds that need not be there, and could not be made."""
        self.unvalidated: list[tuple[Item, DatabaseError]] = []
        """Foreign keys that rows break: made, for the rows to come only."""
        self.helper: Callable[[Item, DatabaseError], bool] | None = None
        """Makes what the role may not make, where there is somebody who may."""
        run_bytes(cursor, known_settings(preamble, cursor))

    def play(self, items: Sequence[Item], optional: Collection[str] = ()) -> None:
        """Raises DatabaseError for the first item that fails; those before it are there.

        Items of the kinds in ``optional`` are passed over and noted in ``failed``.
        """
        for start in range(0, len(items), _CHUNK):
            chunk = items[start : start + _CHUNK]
            text = b"\n".join(b"\n".join((item.settings, item.text)) for item in chunk)
            if self.inside and not optional:  # nothing can go on after the first failure
                self._run(text)
            elif attempt(self.cursor, text, inside=self.inside, fatal=is_fatal):
                for item in chunk:
                    self._play_if_it_can_be(item, optional)

    def _play_if_it_can_be(self, item: Item, optional: Collection[str]) -> None:
        text = b"\n".join((item.settings, item.text))
        problem = attempt(self.cursor, text, inside=self.inside, fatal=is_fatal)
        if problem is not None and sqlstate_of(problem) in _NOT_FOUND:
            again = b"".join((_AS_THE_SITE, text, _AS_PG_RESTORE))
            if attempt(self.cursor, again, inside=self.inside, fatal=is_fatal) is None:
                return
        if problem is None or self._add_not_valid(item, problem):
            return
        if self.helper is not None and self.helper(item, problem):
            return
        if item.kind not in optional:  # what is fatal was raised
            raise problem
        self.failed.append((item, problem))

    def play_one(self, item: Item) -> None:
        """Raises DatabaseError."""
        try:
            self._run(item.settings + b"\n" + item.text)
        except DatabaseError as problem:
            if not self._add_not_valid(item, problem):
                raise

    def _add_not_valid(self, item: Item, problem: DatabaseError) -> bool:
        """Whether it is a foreign key that rows break, as they did at the site, and it was made."""
        if item.kind != FOREIGN_KEY or sqlstate_of(problem) != _BROKEN_FOREIGN_KEY:
            return False
        text = item.text.rstrip(b";\n ") + b" NOT VALID;"
        text = b"\n".join((item.settings, text))
        if attempt(self.cursor, text, inside=self.inside, fatal=is_fatal) is not None:
            return False  # a partitioned table takes none that is not valid
        self.unvalidated.append((item, problem))
        return True

    def _run(self, text: bytes) -> None:
        run_bytes(self.cursor, text)


def not_validated(made: Sequence[tuple[Item, DatabaseError]]) -> list[str]:
    """A sentence for each of a player's foreign keys that are not validated."""
    return [
        _(
            "Foreign key %(name)s is not validated: %(why)s.",
            name=table_label(item.schema, item.name.replace(" ", ".", 1)),
            why=explain(problem)[0],
        )
        for item, problem in made
    ]


def run_bytes(cursor: CursorWrapper, text: bytes) -> None:
    """One simple query of many statements, in whatever encoding the text itself has set.

    By the driver itself: Django keeps a log of what was executed, as UTF-8, where DEBUG is on.
    """
    if text.strip():
        if not in_transaction(cursor):
            text = prelude(cursor) + text
        with cursor.db.wrap_database_errors:
            # The server reads the whole of a query by the encoding that was set before it.
            if encoding := _ENCODING.search(text, 0, _CHUNK_OF_HEAD):
                cursor.cursor.execute(encoding[0])
            cursor.cursor.execute(text)


def is_fatal(problem: DatabaseError) -> bool:
    """Whether nothing else can go well either: no connection, no room, a server that goes down."""
    return sqlstate_of(problem)[:2] in ("", "08", "53", "57", "58", "XX")


def is_hopeless(problem: DatabaseError) -> bool:
    """Whether trying again can't help: the same, and bad rows."""
    return is_fatal(problem) or sqlstate_of(problem)[:2] in ("22", "23")


def attempt(
    cursor: CursorWrapper,
    text: bytes,
    *,
    inside: bool,
    fatal: Callable[[DatabaseError], bool] = is_hopeless,
) -> DatabaseError | None:
    """Run it, or leave everything as it was and return why; ``inside`` a transaction or not.

    Raises DatabaseError where that is ``fatal``.
    """
    if not text.strip():
        return None
    try:
        run_bytes(cursor, b"".join((_SAVEPOINT, text, _RELEASE)) if inside else text)
    except DatabaseError as problem:
        if fatal(problem):
            raise
        if inside:
            cursor.execute("ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt")
        return problem
    return None
