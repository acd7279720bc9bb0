"""Whether all that a database held besides rows is there after a load, and belongs to the same."""

from __future__ import annotations

import collections
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from trustbackup.databases.values import Facts
from trustbackup.phrases import Grouped, ngettext
from trustbackup.phrases import gettext as _
from trustbackup.store.inventory import COUNTED, PUBLIC, THE_REST, Inventory, count, names_in
from trustbackup.store.manifest import Part, table_label

_NAMED = 5
"""So many names a sentence has, and the number of the others."""
_FILLED = "filled materialized view"
_TABLES = "table"
_SCHEMA, _SCHEMA_OF_ALL = "schema", "public"
_OF_ALL = re.compile(rf"(?:^|, ){PUBLIC}=([A-Z]*)")


def lost_objects(facts: Facts, part: Part, leave_out: Collection[str] = ()) -> list[str]:
    """A clause for each kind of which something is lost, and no load has told so already.

    What belongs to the tables in ``leave_out`` is not compared.
    """
    if part.inventory is None or facts.inventory is None:
        return []
    found = _Comparison(facts.inventory, part.inventory, part, facts, leave_out)
    return [*found.objects(), *found.large_objects(), *found.owners(), *found.grants()]


def filled_views(part: Part | None) -> frozenset[str]:
    """The materialized views that were not empty at the backup."""
    if part is None or part.inventory is None:
        return frozenset()
    return frozenset(names_in(part.inventory.objects.get(_FILLED, "")))


def rights_of_all(part: Part | None) -> frozenset[tuple[str, str]]:
    """What everybody may do with schemas: rights and schemas.

    An archive lacks them where the schema was `public` once.
    """
    grants = part.inventory.grants if part and part.inventory else {}
    return frozenset(
        (right, _name(label))
        for text, labels in grants.items()
        if not labels.startswith(COUNTED)
        for given in _OF_ALL.findall(text)
        for letter, right in (("U", "USAGE"), ("C", "CREATE"))
        if letter in given
        for label in names_in(labels)
        if label.startswith(f"{_SCHEMA}: ") and _name(label) != _SCHEMA_OF_ALL
    )


@dataclass(frozen=True)
class _Comparison:
    found: Inventory
    expected: Inventory
    part: Part
    facts: Facts
    leave_out: Collection[str]

    def objects(self) -> Iterator[str]:
        excused = self.facts.excused
        for kind, text in self.expected.objects.items():
            if kind in excused.kinds:
                continue
            there = self.found.objects.get(kind, "")
            if text.startswith(COUNTED):
                if count(there) < count(text):
                    yield _(
                        "only %(number)d of %(expected)d objects of kind %(kind)s are there",
                        number=count(there),
                        expected=count(text),
                        kind=kind,
                    )
                continue
            lost = collections.Counter(names_in(text)) - collections.Counter(names_in(there))
            names = [
                name
                for name in lost.elements()
                if (kind, name) not in excused.objects and not self._is_left_out(name)
            ]
            if names and kind == _FILLED:
                yield _("%(names)s came back empty", names=_some("materialized view", names))
            elif names:
                yield _("%(names)s is missing", names=_some(kind, names))

    def large_objects(self) -> Iterator[str]:
        if self.found.large_objects < self.expected.large_objects:
            yield _(
                "%(number)s of %(expected)s large objects are there",
                number=Grouped(self.found.large_objects),
                expected=Grouped(self.expected.large_objects),
            )
        elif (
            None not in (self.found.large_object_bytes, self.expected.large_object_bytes)
            and self.found.large_objects == self.expected.large_objects
            and self.found.large_object_bytes != self.expected.large_object_bytes
        ):
            yield _(
                "the large objects have %(size)s bytes and the manifest says %(expected)s",
                size=Grouped(self.found.large_object_bytes or 0),
                expected=Grouped(self.expected.large_object_bytes or 0),
            )

    def owners(self) -> Iterator[str]:
        excused = self.facts.excused.owners
        if excused is None:
            return
        wrong: dict[tuple[str, str], list[str]] = collections.defaultdict(list)
        for label, (now, then) in self._owners().items():
            if now != then and then not in excused:
                wrong[now, then].append(label)
        for (now, then), labels in sorted(wrong.items()):
            yield _(
                "%(names)s belongs to role %(now)r and belonged to %(then)r",
                names=_some("", labels),
                now=now,
                then=then,
            )

    def grants(self) -> Iterator[str]:
        excused = self.facts.excused.grants
        if excused is None:
            return
        owners = self._owners()
        now, then = _by_label(self.found.grants), _by_label(self.expected.grants)
        counted_only = any(text.startswith(COUNTED) for text in self.expected.grants.values())
        wrong: dict[tuple[str, str], list[str]] = collections.defaultdict(list)
        for label in sorted(then if counted_only else then.keys() | (now.keys() & owners.keys())):
            name = _name(label).split("(")[0]
            if now.get(label) == then.get(label) or self._is_left_out(name):
                continue
            if name in excused or label.partition(": ")[0] in excused:
                continue
            owner = owners.get(label)
            if owner is None or owner[0] == owner[1]:  # else its owner's went to another with it
                wrong[now.get(label, ""), then.get(label, "")].append(label)
        for (is_now, was), labels in sorted(wrong.items()):
            yield _(
                "the rights on %(names)s are (%(now)s) and were (%(then)s)",
                names=_some("", labels),
                now=is_now,
                then=was,
            )

    def _owners(self) -> Mapping[str, tuple[str, str]]:
        """Whose everything is that the backup has, now and then."""
        then = _by_label(self.expected.owners)
        if any(text.startswith(COUNTED) for text in self.expected.owners.values()):
            rest = ""
        else:
            rest = next((r for r, text in self.expected.owners.items() if text == THE_REST), "")
        known = {f"{kind}: {n}" for kind, t in self.expected.objects.items() for n in names_in(t)}
        known |= {f"{_TABLES}: {table_label(t.schema, t.name)}" for t in self.part.tables}
        return {
            label: (role, then.get(label, rest))
            for label, role in _by_label(self.found.owners).items()
            if label in known and then.get(label, rest) and not self._is_left_out(_name(label))
        }

    def _is_left_out(self, name: str) -> bool:
        return any(word.startswith(own) for own in self.leave_out for word in name.split("."))


def _by_label(texts: Mapping[str, str]) -> dict[str, str]:
    return {name: key for key, text in texts.items() for name in names_in(text)}


def _name(label: str) -> str:
    return label.partition(": ")[2]


def _some(kind: str, names: list[str]) -> str:
    """``index a, index b``, and how many more there are."""
    shown = ", ".join(f"{kind} {name}".strip() for name in names[:_NAMED])
    if len(names) <= _NAMED:
        return shown
    return ngettext(
        "%(names)s and %(number)d more",
        "%(names)s and %(number)d more",
        len(names) - _NAMED,
        names=shown,
    )
