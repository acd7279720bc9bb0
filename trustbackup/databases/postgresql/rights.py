"""Whose the restored objects are, and who may do what with them.

Owners come before grants: giving an object away rewrites what is granted on it. What the role
may not give back stays its own, and is told; it must not come to more rights than it had
(``owners_rights.py``).
"""

from __future__ import annotations

import collections
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from django.db import DatabaseError
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.errors import explain, sqlstate_of
from trustbackup.databases.postgresql.owners_rights import as_its_caller, names_with_rules, shown_of
from trustbackup.databases.postgresql.pooled import configure
from trustbackup.databases.postgresql.restore_items import Item, attempt, run_bytes
from trustbackup.databases.postgresql.session import quote_name, scalar, silence_event_triggers
from trustbackup.databases.postgresql.sql_text import statements
from trustbackup.phrases import gettext as _
from trustbackup.phrases import ngettext
from trustbackup.store.manifest import table_label

RIGHTS = ("ACL", "DEFAULT ACL")
_EVERYBODY_MAY = """
    SELECT has_schema_privilege('public', oid, right_of)
    FROM pg_catalog.pg_namespace, (VALUES (%s, %s)) wanted (name, right_of) WHERE nspname = name
"""
DEFAULT_RIGHTS = "default rights"
_NO_SUCH_ROLE = "42704"
_AS_ANOTHER = re.compile(
    rb"\ASET SESSION AUTHORIZATION ([^\n]+);\n(.*)\nRESET [^\n]*;\Z", re.DOTALL
)


@dataclass(frozen=True)
class Given:
    """A sentence for each thing that could not be given, and what these are about."""

    notes: list[str]
    owners: frozenset[str]
    """Roles that some object could not be given to."""
    grants: frozenset[str]
    """Names of what some right could not be granted on; the kind stands for default rights."""


def give_rights(
    cursor: CursorWrapper, items: Sequence[Item], *, inside: bool = False, lenient: bool = False
) -> Given:
    """Give all items to their owners, then grant.

    ``inside`` a transaction or not. Raises DatabaseError when the server fails, and for a grant
    to a role that is not there unless ``lenient``.
    """
    role = str(scalar(cursor, "SELECT current_user"))
    configure(cursor, synchronous_commit="off")
    silence_event_triggers(cursor)
    giver = _Giver(cursor, role, items, inside=inside, lenient=lenient)
    giver.give([item for item in items if item.kind == "SCHEMA"])
    # The role that is given a table must be allowed to make one in its schema.
    giver.grant([item for item in items if _on_schema(item)])
    giver.give([item for item in items if item.kind != "SCHEMA"])
    giver.grant([item for item in items if item.kind in RIGHTS and not _on_schema(item)])
    return Given(
        [*_retained_by(role, giver.retained), *_changed(giver.as_caller), *giver.notes],
        frozenset(owner for owner, _label, _why in giver.retained),
        frozenset(giver.refused),
    )


class Giving:
    """Gives what a load has made, each item once."""

    def __init__(self) -> None:
        self._done: set[int] = set()
        self.given = Given([], frozenset(), frozenset())

    def before_functions_run(
        self, cursor: CursorWrapper, items: Sequence[Item], left: Collection[int], **how: bool
    ) -> None:
        """A superuser gives early: an index or a view calls functions with its owner's rights.

        As pg_restore does; the functions of a role of little rights would run with all of them.
        """
        if scalar(cursor, "SHOW is_superuser") == "on":
            self.give(cursor, items, left, **how)

    def give(
        self, cursor: CursorWrapper, items: Sequence[Item], left: Collection[int], **how: bool
    ) -> None:
        """All but those in ``left`` by their ``id()``, as ``give_rights`` does."""
        made = [item for item in items if id(item) not in self._done and id(item) not in left]
        self._done.update(map(id, made))
        more, had = give_rights(cursor, made, **how), self.given
        self.given = Given(
            [*had.notes, *more.notes], had.owners | more.owners, had.grants | more.grants
        )

    def give_to_all(
        self, cursor: CursorWrapper, wanted: Collection[tuple[str, str]], *, inside: bool = False
    ) -> None:
        """Rights on schemas that no archive holds: as they were made with the server, once."""
        notes, refused = [], set()
        for right, schema in sorted(wanted):
            name = quote_name(schema)
            if scalar(cursor, _EVERYBODY_MAY, schema, right) is not False:
                continue
            grant = f"GRANT {right} ON SCHEMA {name} TO PUBLIC".encode()
            if problem := attempt(cursor, grant, inside=inside):
                label = f"SCHEMA {schema}"  # as an archive names it, in every language
                notes.append(_left_out(label, explain(problem)[0]))
                refused.add(schema)
        had = self.given
        self.given = Given([*had.notes, *notes], had.owners, had.grants | refused)


def _on_schema(item: Item) -> bool:
    return item.kind == "ACL" and item.name.startswith("SCHEMA ")


class _Giver:
    def __init__(
        self,
        cursor: CursorWrapper,
        role: str,
        items: Sequence[Item],
        *,
        inside: bool,
        lenient: bool,
    ) -> None:
        self.cursor, self.role, self.inside, self.lenient = cursor, role, inside, lenient
        self.version = int(scalar(cursor, "SHOW server_version_num"))
        self.with_rules = names_with_rules(items)
        self.retained: list[tuple[str, str, str]] = []
        """The owner, the label and the reason of each item that could not be given."""
        self.as_caller: list[str] = []
        """Labels of what runs with its caller's rights now."""
        self.shown: set[bytes] = set()
        """Names as SQL of what nobody else may have a right on, under another owner."""
        self.notes: list[str] = []
        self.refused: set[str] = set()

    def give(self, items: Sequence[Item]) -> None:
        foreign = [item for item in items if item.give and not self._is_mine(item)]
        if self._all_at_once([item.give for item in foreign]):
            return
        for item in foreign:
            if (problem := self._attempt(item.give)) is None:
                continue
            name = ".".join(part for part in (item.schema, item.name) if part not in ("", "-"))
            label = f"{item.kind} {name}".strip()
            self.retained.append((item.owner, label, explain(problem)[0]))
            if statement := as_its_caller(item, self.version):
                run_bytes(self.cursor, statement)
                self.as_caller.append(label)
            if shown := shown_of(item, self.with_rules, self.version):
                self.shown.add(shown)

    def _is_mine(self, item: Item) -> bool:
        """What the role has made is its own; a new database's schema "public" it has not made."""
        is_found = item.kind == "SCHEMA" and item.name == "public"
        return item.owner == self.role and not is_found

    def grant(self, items: Sequence[Item]) -> None:
        granted = []
        for item in items:
            if not self._is_shown(item):
                granted.append(item)
                continue
            why = _("they would show or do what its owner may, who is %(role)r now", role=self.role)
            self._leave_out(item, why)
        if self._all_at_once([item.text for item in granted]):
            return
        for item in granted:
            for statement in statements(item.text):
                if (problem := self._grant_one(statement)) is None:
                    continue
                if sqlstate_of(problem) == _NO_SUCH_ROLE and not self.lenient:
                    raise problem
                self._leave_out(item, explain(problem)[0])

    def _grant_one(self, statement: bytes) -> DatabaseError | None:
        """As its grantor, where another than the owner has granted it: never as the owner."""
        problem = self._attempt(statement)
        if problem is None or not (found := _AS_ANOTHER.match(statement)):
            return problem
        # To be another session takes a superuser, to act as another role its member.
        back = quote_name(self.role).encode()
        return self._attempt(
            b"SET LOCAL ROLE %b;\n%b\nSET LOCAL ROLE %b;" % (*found.groups(), back)
        )

    def _leave_out(self, item: Item, why: str) -> None:
        self.notes.append(_left_out(item.name, why))
        self.refused.add(_what_of(item))

    def _is_shown(self, item: Item) -> bool:
        return any(b" ON TABLE %b " % name in item.text for name in self.shown)

    def _all_at_once(self, statements: Sequence[bytes]) -> bool:
        """Whether all went well; if not, they are to be done one by one."""
        chunks = range(0, len(statements), 200)
        texts = (b"\n".join(statements[start : start + 200]) for start in chunks)
        return all(self._attempt(text) is None for text in texts)

    def _attempt(self, text: bytes) -> DatabaseError | None:
        return attempt(self.cursor, text, inside=self.inside)


def _left_out(what: str, why: str) -> str:
    return _("Rights on %(what)s were left out: %(why)s.", what=what, why=why)


def _what_of(item: Item) -> str:
    if item.kind == "DEFAULT ACL":
        return DEFAULT_RIGHTS
    name = item.name.partition(" ")[2].split("(")[0]
    return table_label(item.schema.replace("-", ""), name)


def _changed(labels: Sequence[str]) -> Iterator[str]:
    if labels:
        yield ngettext(
            "%(number)d of them runs with the rights of who calls it now, not of its owner"
            " (%(first)s).",
            "%(number)d of them run with the rights of who calls them now, not of their owner"
            " (%(first)s, …).",
            len(labels),
            first=labels[0],
        )


def _retained_by(role: str, retained: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    by_owner: dict[str, list[tuple[str, str, str]]] = collections.defaultdict(list)
    for one in retained:
        by_owner[one[0]].append(one)
    for owner, those in by_owner.items():
        yield ngettext(
            "%(number)d object of role %(owner)r belongs to %(role)r now (%(first)s: %(why)s).",
            "%(number)d objects of role %(owner)r belong to %(role)r now (%(first)s: %(why)s).",
            len(those),
            owner=owner,
            role=role,
            first=those[0][1],
            why=those[0][2],
        )
