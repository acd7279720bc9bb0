"""Go back to a backup: build its database beside the live one, compare, then swap.

Every step that a crash could interrupt is in the journal first, so that whoever comes next
can tell which state is in place and clean up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management import call_command

from trustbackup.databases.alias import pointed_at
from trustbackup.databases.base import Database, Replacement
from trustbackup.databases.values import Facts, InPlaceRequest, LoadRequest
from trustbackup.exceptions import RestoreError
from trustbackup.operations.create import create_backup
from trustbackup.operations.plan import IN_PLACE, INTO, PartPlan, RestorePlan
from trustbackup.operations.readback import compare, raw_opener
from trustbackup.operations.refusals import unknown_migrations
from trustbackup.operations.rules import OWN_APP, SESSIONS, compare_migrations, own_tables
from trustbackup.operations.sessions import find_session, put_session
from trustbackup.operations.settling import only_restore, settled
from trustbackup.operations.site import Progress, Reporter, Site, quiet
from trustbackup.phrases import gettext as _
from trustbackup.phrases import ngettext
from trustbackup.store import catalog, journal
from trustbackup.store.manifest import Part, format_time
from trustbackup.store.streams import Readable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RestoredDatabase:
    """What became of one database; ``kept`` is "" when there was nothing to keep."""

    alias: str
    strategy: str
    rows: int
    kept: str = ""
    undo: str = ""
    """The id to undo it with; "" when it can't be."""
    safety_backup: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a restore did."""

    id: str
    databases: list[RestoredDatabase] = field(default_factory=list)


def restore_backup(plan: RestorePlan, report: Reporter = quiet, *, session: str = "") -> Restored:
    """Carry a plan out. Raises RestoreError; a database not yet swapped is as it was then.

    All sessions end but the one that ``session`` tells (see ``sessions.hash_of``).
    """
    if plan.refusals:
        raise RestoreError(
            _("Backup %(id)s was not restored", id=plan.entry.id), why=plan.refusals[0]
        )
    site = Site.current()
    restored = Restored(id=plan.entry.id)
    with plan.entry.in_use():
        for part in plan.parts:
            with only_restore(site, part.alias):
                restored.databases.append(_restore_part(site, plan, part, report, session))
    catalog.synchronise(site.settings.root, site.signer, afresh=True)
    return restored


def _restore_part(
    site: Site, plan: RestorePlan, part: PartPlan, report: Reporter, session: str
) -> RestoredDatabase:
    now = datetime.now(UTC)
    entry = journal.Entry(
        id=f"{now:%Y%m%dT%H%M%S%f}-{part.alias}",
        alias=part.alias,
        backup=plan.entry.id,
        strategy=part.strategy,
        new="",
        kept="",
        started=format_time(now),
    )
    database = site.database(part.alias, label=entry.id)
    new, kept = database.free_names(now)
    if part.strategy == INTO:
        entry = replace(entry, new=plan.request.into)
    elif part.strategy != IN_PLACE:
        entry = replace(entry, new=new, kept=kept)
    with journal.held(site.settings.root, entry.id) as workdir:
        work = _Work(site, plan, part, database, workdir, report)
        if session and part.strategy != INTO:
            work.session = find_session(part.alias, session)
        do = {IN_PLACE: work.in_place, INTO: work.into}.get(part.strategy, work.swap)
        return do(journal.Journal(site.settings.root, entry))


class _Work:
    """One database of a restore, and the ways to do it."""

    def __init__(
        self,
        site: Site,
        plan: RestorePlan,
        part: PartPlan,
        database: Database,
        workdir: Path,
        report: Reporter,
    ) -> None:
        self.site, self.plan, self.part = site, plan, part
        self.database, self.workdir, self.report = database, workdir, report
        self.request = plan.request
        self.notes: list[str] = []
        self.session: Any = None
        """The operator's own, which goes on."""

    def swap(self, log: journal.Journal) -> RestoredDatabase:
        had_tables = self.database.facts(count=False) is not None
        log.update()
        with settled(self.database, log), self.database.replacement(log.entry.new) as new:
            facts = self._fill(new)
            self._accept(facts)
            self._stage("carrying over")
            new.carry_over(own_tables(), OWN_APP)
            new.empty(SESSIONS)
            if self.session:
                put_session(self.database, log.entry.new, self.session)
            if self.request.migrate:
                self._migrate(log.entry.new)
            self._stage("swapping")
            log.update(state=journal.SWAPPING, marker=new.marker(), rows=_rows(facts))
            new.swap(log.entry.kept)
        return self._finish(log, facts, had_tables=had_tables)

    def _finish(self, log: journal.Journal, facts: Facts, *, had_tables: bool) -> RestoredDatabase:
        if had_tables:
            log.finish()
            undo, kept = log.entry.id, log.entry.kept
        else:
            self.database.remove(log.entry.kept)
            log.forget()
            undo = kept = ""
        return RestoredDatabase(
            alias=self.part.alias,
            strategy=self.part.strategy,
            rows=_rows(facts),
            kept=kept,
            undo=undo,
            notes=tuple(self.notes),
        )

    def into(self, log: journal.Journal) -> RestoredDatabase:
        log.update()
        with settled(self.database, log), self.database.replacement(log.entry.new) as new:
            facts = self._fill(new)
            new.empty(SESSIONS)
            new.stay()
        log.forget()
        return RestoredDatabase(
            alias=self.part.alias, strategy=INTO, rows=_rows(facts), kept="", notes=()
        )

    def in_place(self, log: journal.Journal) -> RestoredDatabase:
        safety = ""
        if self.request.safety_backup and self.part.has_rows:
            made = create_backup(
                databases=[self.part.alias],
                name=f"Safety: before restoring {self.plan.entry.id}",
                keep=True,
                trigger="safety",
                report=self.report,
            )
            safety = made.id
        log.update()
        request = InPlaceRequest(
            load=self._load_request(),
            own_tables=own_tables(),
            own_app=OWN_APP,
            sessions=SESSIONS,
            accept=self._accept,
            on_commit=lambda marker: log.update(state=journal.SWAPPING, marker=marker),
        )
        with settled(self.database, log):
            facts = self.database.restore_in_place(request)
        log.forget()
        if self.session:
            put_session(self.database, self.database.name, self.session)
        if self.request.migrate:
            call_command("migrate", database=self.part.alias, interactive=False, verbosity=0)
        return RestoredDatabase(
            alias=self.part.alias,
            strategy=IN_PLACE,
            rows=_rows(facts),
            safety_backup=safety,
            notes=tuple(self.notes),
        )

    def _fill(self, new: Replacement) -> Facts:
        self._stage("creating")
        new.create()
        new.load(self._load_request())
        self._stage("comparing")
        facts = new.facts()
        there = {table.name for table in facts.tables}
        if missing := [name for name in self.request.tables if name not in there]:
            raise RestoreError(
                _("Backup %(id)s was not restored", id=self.plan.entry.id),
                why=_("it has no table %(table)r", table=missing[0]),
                todo=_("See show_backup for those that it has."),
            )
        if self.part.part is not None and not self.request.tables:
            problems = compare(facts, self.part.part)
            if problems:
                raise RestoreError(
                    _("Database %(alias)r was not restored", alias=self.part.alias),
                    why=_("after loading, %(problem)s", problem=problems[0]),
                    todo=_("The live database was not touched; restore another backup."),
                )
        return facts

    def _load_request(self) -> LoadRequest:
        part = self.part.part
        return LoadRequest(
            open_raw=self._opener(part),
            format=self.part.format,
            workdir=self.workdir,
            tables=self.request.tables,
            privileges=self.request.privileges,
        )

    def _opener(self, part: Part | None) -> Callable[[], AbstractContextManager[Readable]]:
        return raw_opener(
            self.plan.entry, self.part.file, part, f"restoring {self.part.alias}", self.report
        )

    def _accept(self, facts: Facts) -> None:
        """Raises RestoreError when the loaded database is not one of this site's."""
        if self.part.strategy == IN_PLACE and self.part.part is not None:
            mine = set(own_tables())
            problems = [
                problem
                for problem in compare(facts, self.part.part, leave_out=mine | {SESSIONS})
                if problem
            ]
            if problems:
                raise RestoreError(
                    _("Database %(alias)r was not restored", alias=self.part.alias),
                    why=_("after loading, %(problem)s", problem=problems[0]),
                    todo=_("Everything was rolled back."),
                )
        in_place = self.part.strategy == IN_PLACE
        live = None if in_place else self.database.facts(count=False)
        state = compare_migrations(facts.migrations, live.migrations if live else ())
        if self.part.part is None and not self.request.allow_unknown_migrations:
            complaint = unknown_migrations(self.part.alias, state, facts.migrations, live)
            if complaint:
                raise RestoreError(
                    _("Backup %(id)s was not restored", id=self.plan.entry.id), why=complaint
                )
        if state.forward and not self.request.migrate:
            names = ", ".join(f"{app}.{name}" for app, name in state.forward[:5])
            self.notes.append(
                ngettext(
                    "%(number)d migration is still to be run (manage.py migrate): %(names)s.",
                    "%(number)d migrations are still to be run (manage.py migrate): %(names)s.",
                    len(state.forward),
                    names=names,
                )
            )

    def _migrate(self, name: str) -> None:
        self._stage("migrating")
        with pointed_at(self.part.alias, self.database.address(name)):
            call_command("migrate", database=self.part.alias, interactive=False, verbosity=0)

    def _stage(self, verb: str) -> None:
        self.report(Progress(stage=f"{verb} {self.part.alias}"))


def _rows(facts: Facts) -> int:
    return sum(table.rows for table in facts.tables)
