"""Keys and indexes, built by several sessions side by side.

pg_restore would do it over connections of its own. What can be built in any order (indexes and
keys, and after them foreign keys) is dealt out, the largest tables first and never two that
wait for each other's lock; the rest is played in its order. What can't be built yet, because
it needs something of that rest, waits for its turn there.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Collection, Sequence

from django.db import DatabaseError

from trustbackup.databases.postgresql.pooled import open_sessions
from trustbackup.databases.postgresql.restore_items import (
    FOREIGN_KEY,
    Item,
    Player,
    Section,
    is_hopeless,
    not_validated,
)
from trustbackup.databases.postgresql.scratch_role import Helper
from trustbackup.databases.postgresql.session import Sessions

_NAME = rb'(?:"(?:[^"]|"")*"|[^\s".(;]+)'
_FULL_NAME = rb"(?:%b\.)?%b" % (_NAME, _NAME)
_TABLE = re.compile(
    rb"\A(?:ALTER TABLE(?: ONLY)?|CREATE (?:UNIQUE )?INDEX %b ON(?: ONLY)?) (%b)"
    % (_NAME, _FULL_NAME)
)
_REFERENCED = re.compile(rb" REFERENCES (%b)\(" % _FULL_NAME)
_SIZES = """
    SELECT format('%I.%I', n.nspname, c.relname), pg_table_size(c.oid)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
"""
KEYS = ("INDEX", "CONSTRAINT")
ATTACHING = ("INDEX ATTACH",)
FOREIGN_KEYS = (FOREIGN_KEY,)


class _Queue:
    """Items to build; one is handed out when no other of its tables is being built."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._waiting = list(items)
        self._working: list[tuple[set[bytes], bool]] = []
        self._changed = threading.Condition()
        self.failed: list[Item] = []
        self.error: BaseException | None = None

    def work(self, play: Callable[[Item], None]) -> None:
        try:
            while (item := self._take()) is not None:
                try:
                    play(item)
                except DatabaseError as problem:
                    if is_hopeless(problem):
                        raise
                    self.failed.append(item)
                finally:
                    self._give_back(item)
        except BaseException as error:
            with self._changed:
                self.error = self.error or error
                self._waiting.clear()
                self._changed.notify_all()

    def _take(self) -> Item | None:
        with self._changed:
            while self._waiting:
                for number, item in enumerate(self._waiting):
                    tables, alone = _locks(item)
                    if not any(tables & held and (alone or other) for held, other in self._working):
                        self._working.append((tables, alone))
                        return self._waiting.pop(number)
                self._changed.wait()
            return None

    def _give_back(self, item: Item) -> None:
        with self._changed:
            self._working.remove(_locks(item))
            self._changed.notify_all()


def _locks(item: Item) -> tuple[set[bytes], bool]:
    """The tables that building it locks, and whether no other may be built on them meanwhile."""
    names = [*_TABLE.findall(item.text), *_REFERENCED.findall(item.text)]
    return set(names) or {b""}, item.kind != "INDEX"


def build(
    section: Section,
    sessions: Sessions,
    jobs: int,
    before_the_rest: Callable[[], None],
    optional: Collection[str],
    helper: Helper | None = None,
) -> tuple[list[tuple[Item, DatabaseError]], list[str]]:
    """Play the section. Raises DatabaseError for what can't be built in any order.

    What is of the kinds in ``optional`` and could not be made comes back, with why, and a sentence
    for each foreign key that is not validated, because rows break it. ``helper`` makes what the
    role may not.
    """
    with contextlib.ExitStack() as stack:
        cursors = open_sessions(stack, sessions, jobs)
        players = [Player(cursor, section.preamble) for cursor in cursors]
        cursors[0].execute(_SIZES)
        sizes = {str(name).encode(): int(size) for name, size in cursors[0].fetchall()}
        rest = {id(item) for item in section.items}

        def side_by_side(kinds: tuple[str, ...]) -> None:
            chosen = [item for item in section.items if item.kind in kinds]
            chosen.sort(key=lambda item: -sum(sizes.get(name, 0) for name in _locks(item)[0]))
            done = _deal(chosen, players)
            rest.difference_update(done)

        side_by_side(KEYS)
        attaching = [item for item in section.items if item.kind in ATTACHING]
        if not rest & {id(item) for item in section.items if item.kind in KEYS}:
            players[0].play(attaching)
            rest.difference_update(id(item) for item in attaching)
            side_by_side(FOREIGN_KEYS)
        before_the_rest()
        players[0].helper = helper
        players[0].play([item for item in section.items if id(item) in rest], optional)
        unvalidated = [made for player in players for made in player.unvalidated]
        return players[0].failed, not_validated(unvalidated)


def _deal(items: Sequence[Item], players: Sequence[Player]) -> set[int]:
    """Build them with all players; those that were built, by their ``id()``."""
    queue = _Queue(items)
    threads = [
        threading.Thread(target=queue.work, args=[player.play_one], daemon=True)
        for player in players[1 : len(items)]
    ]
    for thread in threads:
        thread.start()
    queue.work(players[0].play_one)
    for thread in threads:
        thread.join()
    if queue.error is not None:
        raise queue.error
    return {id(item) for item in items} - {id(item) for item in queue.failed}
