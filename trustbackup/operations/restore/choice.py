"""Which way a database is restored: what was asked for, or the safest that its role may go."""

from __future__ import annotations

from dataclasses import dataclass, field

from trustbackup.databases.base import Database
from trustbackup.exceptions import UsageError
from trustbackup.operations.restore.objections import Objections
from trustbackup.phrases import gettext as _
from trustbackup.store.journal_entry import Strategy

ASKED_FOR = _("it was asked for")
BESIDE = _("the new database is built beside the live one and the old one is kept")
RESTORES = (Strategy.SWAP, Strategy.IN_PLACE, Strategy.INTO)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A way, the reason for it, and what speaks against going it."""

    strategy: Strategy
    why: str
    against: Objections = field(default_factory=Objections)


def parse_strategy(text: str) -> Strategy | None:
    """The way that this word means, None for "". Raises UsageError for any other word."""
    if not text:
        return None
    if text not in RESTORES:
        raise UsageError(
            _("There is no strategy %(name)r", name=text),
            todo=_("Choose one of %(names)s.", names=", ".join(RESTORES)),
        )
    return Strategy(text)


def choose(database: Database, wanted: Strategy | None, into: str) -> Choice:
    """``into`` is the name of another database, or ""."""
    if into:
        return Choice(strategy=Strategy.INTO, why=_("--into %(name)s was asked for", name=into))
    if wanted is Strategy.IN_PLACE:
        return Choice(
            strategy=Strategy.IN_PLACE, why=ASKED_FOR, against=_against_in_place(database)
        )
    obstacle = database.why_not_swap()
    if wanted is Strategy.SWAP:
        return Choice(
            strategy=Strategy.SWAP, why=ASKED_FOR, against=_against_swap(database, obstacle)
        )
    if not obstacle:
        return Choice(strategy=Strategy.SWAP, why=BESIDE)
    against = _against_in_place(database)
    if not against.refusals:
        return Choice(strategy=Strategy.IN_PLACE, why=obstacle)
    refusal = _(
        "Database %(alias)r can't be restored: %(obstacle)s.",
        alias=database.alias,
        obstacle=obstacle,
    )
    return Choice(strategy=Strategy.SWAP, why=BESIDE, against=Objections.of(refusal))


def _against_swap(database: Database, obstacle: str) -> Objections:
    if not obstacle:
        return Objections()
    return Objections.of(
        _(
            "Database %(alias)r can't be swapped: %(obstacle)s.",
            alias=database.alias,
            obstacle=obstacle,
        )
    )


def _against_in_place(database: Database) -> Objections:
    if not database.capabilities.in_place:
        return Objections.of(
            _(
                "%(engine)s is not restored in place: leave --in-place out, it is swapped.",
                engine=database.engine,
            )
        )
    obstacle = database.why_not_in_place()
    if not obstacle:
        return Objections()
    return Objections.of(
        _(
            "Database %(alias)r can't be restored in place: %(obstacle)s.",
            alias=database.alias,
            obstacle=obstacle,
        )
    )
