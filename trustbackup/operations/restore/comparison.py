"""Reading a backup back: where it is, its raw stream, and whether what was loaded is what
was dumped."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from trustbackup.databases.values import Facts
from trustbackup.phrases import Grouped
from trustbackup.phrases import gettext as _
from trustbackup.store.manifest import Part, table_label


def compare(facts: Facts, part: Part, leave_out: set[str] | None = None) -> list[str]:
    """What differs from the manifest: tables missing, rows too few or too many, content.

    Rows of a partitioned table may lie in other partitions, as long as all of them are there.
    """
    found = {(table.schema, table.name): table for table in facts.tables}
    whole = _whole_roots(facts, part)
    problems: list[str] = []
    for table in part.tables:
        if leave_out and table.name in leave_out | {"django_migrations"}:
            continue
        if (table.schema, table.name) in facts.left_out:
            continue
        have = found.get((table.schema, table.name))
        if have is None:
            problems.append(_("table %(table)s is missing", table=table))
        elif have.root in whole:
            continue
        elif have.rows != table.rows:
            problems.append(
                _(
                    "table %(table)s has %(rows)s rows and the manifest says %(expected)s",
                    table=table,
                    rows=Grouped(have.rows),
                    expected=Grouped(table.rows),
                )
            )
        elif have.fingerprint and table.fingerprint and have.fingerprint != table.fingerprint:
            problems.append(
                _("table %(table)s has the right number of rows with other content", table=table)
            )
    if facts.fingerprint and part.fingerprint and facts.fingerprint != part.fingerprint:
        problems.append(_("the content is not that of the backup"))
    return problems


def moved_rows(facts: Facts, part: Part) -> list[str]:
    """A sentence for each partitioned table whose rows lie in other partitions than they did."""
    then = {(table.schema, table.name): table.rows for table in part.tables}
    whole = _whole_roots(facts, part)
    moved = {
        table.root
        for table in facts.tables
        if table.root in whole and then.get((table.schema, table.name), 0) != table.rows
    }
    return [
        _("Rows of %(table)s lie in other partitions than before; all are there.", table=root)
        for root in sorted(moved)
    ]


def _whole_roots(facts: Facts, part: Part) -> set[str]:
    """Partitioned tables that have as many rows as they had, and the same ones if that is known.

    pg_dump loads through them where rows may go elsewhere: an enum's values are numbered anew in
    each database, and a hash is of that number. A fingerprint is a sum, over whichever part.
    """
    roots = {(t.schema, t.name): t.root for t in facts.tables if t.root}
    sums: dict[str, list[int]] = {root: [0, 0, 0, 0] for root in roots.values()}
    for table in facts.tables:
        if table.root:
            sums[table.root][0] += table.rows
            sums[table.root][1] += int(table.fingerprint or "0", 16)
    for expected in part.tables:
        if root := roots.get((expected.schema, expected.name)):
            sums[root][2] += expected.rows
            sums[root][3] += int(expected.fingerprint or "0", 16)
    with_content = any(table.fingerprint for table in facts.tables) and any(
        table.fingerprint for table in part.tables
    )
    return {
        root
        for root, (rows, content, expected_rows, expected_content) in sums.items()
        if rows == expected_rows and (content == expected_content or not with_content)
    }


@dataclass(frozen=True, kw_only=True)
class RowDifference:
    """A table's rows now and in the backup; None where it is not there."""

    table: str
    now: int | None
    then: int | None
    stays: bool = False
    """Whether a restore leaves it as it is now, whatever the backup holds."""

    @property
    def changes(self) -> bool:
        """Whether a restore gives it other rows, as far as their number tells."""
        return self.now != self.then and not self.stays


def differences(
    live: Facts | None, part: Part | None, stay: Collection[str] = ()
) -> tuple[RowDifference, ...]:
    """What a restore would change, table by table; ``stay`` are those it leaves as they are."""
    now: Mapping[tuple[str, str], int] = (
        {(table.schema, table.name): table.rows for table in live.tables} if live else {}
    )
    then = {(table.schema, table.name): table.rows for table in part.tables} if part else {}
    return tuple(
        RowDifference(
            table=table_label(schema, name),
            now=now.get((schema, name)),
            then=then.get((schema, name)),
            stays=name in stay,
        )
        for schema, name in sorted({**now, **then})
    )
