"""Prove a backup: restore it beside what is live, compare, and write down the outcome."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from django.utils.module_loading import import_string

from trustbackup.databases.alias import pointed_at
from trustbackup.databases.base import Database
from trustbackup.databases.values import LoadRequest
from trustbackup.destinations.base import DestinationError
from trustbackup.exceptions import BackupNotFound, Busy, ConfigurationError, TrustbackupError
from trustbackup.operations.backup.app_data import holds_app, refuse_to_drill_app, rows_part
from trustbackup.operations.checks import SIGNED, VerifyResult, require_identity, verify_entry
from trustbackup.operations.context import Context
from trustbackup.operations.offsite.hydrate import local_data
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.operations.restore.comparison import compare, moved_rows
from trustbackup.operations.restore.inventory import filled_views, lost_objects, rights_of_all
from trustbackup.operations.restore.migrations import compare_migrations
from trustbackup.operations.restore.recover import recovering
from trustbackup.operations.restore.source import raw_opener
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined, ngettext
from trustbackup.store import names, record
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.identities import IdentityNeeded
from trustbackup.store.journal_entry import JournalEntry, Strategy
from trustbackup.store.manifest import Part, format_time
from trustbackup.store.signature import Signature

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class DrillResult:
    """How a drill ended; ``seconds`` is the measured time of recovery."""

    verdict: VerifyResult
    drill: record.Drill | None

    @property
    def ok(self) -> bool:
        return self.verdict.ok and self.drill is not None and self.drill.ok

    @property
    def problems(self) -> tuple[str, ...]:
        return self.verdict.problems + (self.drill.problems if self.drill else ())


def drill_backup(reference: str, *, content: bool = False, report: Reporter = quiet) -> DrillResult:
    """Check a backup's files, then restore each of its databases into a scratch one.

    Raises BackupNotFound, UsageError for what holds no database, IdentityNeeded; whatever else
    goes wrong is in the proof.
    """
    context = Context.current()
    refuse_to_drill_app(context.folder.find(reference))
    try:
        with local_data(reference, report, briefly=True) as identifier:
            return _drill(context, context.folder.find(identifier), content, report)
    except DestinationError as error:
        verdict = VerifyResult(id=reference, problems=(str(error),), signature="")
        return DrillResult(verdict=verdict, drill=None)


def drill_all(*, content: bool = False, report: Reporter = quiet) -> list[DrillResult]:
    """Drill every backup in the folder, oldest first."""
    context = Context.current()
    entries = context.folder.scan()
    ordered = sorted(entries, key=names.order)
    results = []
    for key in ordered:
        if holds_app(entries[key]):
            continue
        # One that was deleted meanwhile is none to say anything about.
        with suppress(BackupNotFound):
            results.append(_drill_one(key, content=content, report=report))
    return results


def _drill_one(reference: str, *, content: bool, report: Reporter) -> DrillResult:
    try:
        return drill_backup(reference, content=content, report=report)
    except (Busy, IdentityNeeded) as error:
        verdict = VerifyResult(id=reference, problems=(str(error),), signature="")
        return DrillResult(verdict=verdict, drill=None)


def _drill(context: Context, entry: BackupFiles, content: bool, report: Reporter) -> DrillResult:
    with entry.in_use():
        if entry.is_ours():  # before everything is read for nothing
            require_identity(entry)
        verdict = verify_entry(context, entry, report)
        if not verdict.ok:
            return DrillResult(verdict=verdict, drill=None)
        manifest, signature = entry.read_manifest()
        if signature is not Signature.OURS:  # not what was checked a moment ago
            return DrillResult(verdict=_altered(verdict, signature), drill=None)
        problems: list[str] = []
        notes: list[str] = []
        seconds = 0.0
        for part in manifest.parts:
            if part.engine:
                drill = _PartDrill(context, entry, part, content=content, report=report)
                seconds += drill.run()
                problems += drill.problems
                notes += drill.notes
        if rows := rows_part(manifest):
            from trustbackup.operations.restore.app_plan import drill_rows

            problems += drill_rows(entry, rows, report)
        from trustbackup.operations.restore.bucket_drill import file_drills

        for files in file_drills(context, entry, manifest, report):
            seconds += files.run()
            problems += files.problems
            notes += files.notes
        outcome = record.Drill(
            at=datetime.now(UTC),
            ok=not problems,
            seconds=round(seconds, 3),
            content=content,
            problems=tuple(problems),
            notes=tuple(notes),
        )
        entry.folder.change(
            entry.id,
            lambda noted: replace(noted, drills=(*noted.drills, outcome)[-record.DRILLS_KEPT :]),
        )
    return DrillResult(verdict=verdict, drill=outcome)


def _altered(verdict: VerifyResult, signature: Signature) -> VerifyResult:
    return replace(verdict, problems=(SIGNED[signature],), signature=signature.value)


class _PartDrill:
    """The drill of one database."""

    def __init__(
        self, context: Context, entry: BackupFiles, part: Part, *, content: bool, report: Reporter
    ) -> None:
        self.context, self.entry, self.part, self.report = context, entry, part, report
        self.content = content
        self.problems: list[str] = []
        self.notes: list[str] = []

    def run(self) -> float:
        """Restore, compare, drop; the seconds that recovery took."""
        if self.content and not self._has_fingerprints():
            self.notes.append(
                _(
                    "%(alias)s: the backup was made without --content, so there is no"
                    " fingerprint to compare.",
                    alias=self.part.part,
                )
            )
        try:
            database = self.context.database(self.part.part)
            if self.part.engine != database.engine:
                self.problems.append(
                    _(
                        "%(alias)s is no %(engine)s database here.",
                        alias=self.part.part,
                        engine=self.part.engine,
                    )
                )
                return 0.0
            if not database.why_not_scratch():
                return self._restore()
            with database.scratch_server():
                return self._restore(own_server=True)
        except TrustbackupError as error:
            self.problems.append(str(error))
            return 0.0

    def _restore(self, *, own_server: bool = False) -> float:
        now = datetime.now(UTC)
        folder = self.context.private_folder()
        label = f"{now:%Y%m%dT%H%M%S%f}-{self.part.part}"
        database = self.context.database(self.part.part, label=label)
        log = self.context.journal.writer(
            JournalEntry(
                id=label,
                restore=label,
                alias=self.part.part,
                backup=self.entry.id,
                strategy=Strategy.DRILL,
                new=database.scratch_name(f"{now:%Y%m%d_%H%M%S_%f}", folder),
                previous="",
                started=format_time(now),
            )
        )
        with (
            self.context.journal.held(label) as workdir,
            recovering(database, log),
            database.replacement(log.entry.new) as scratch,
        ):
            # Only a database on the site's own server can be left behind by a crash.
            if not own_server:
                log.update()
            began = time.monotonic()
            self.report(Progress(stage=f"restoring {self.part.part}"))
            scratch.create()
            scratch.load(self._load_request(workdir, owners=not own_server))
            self.report(Progress(stage=f"comparing {self.part.part}"))
            facts = scratch.facts(content=self.content)
            seconds = time.monotonic() - began
            self._judge(compare(facts, self.part))
            self._judge(lost_objects(facts, self.part))
            self._judge(scratch.problems())
            for note in [*scratch.notes, *moved_rows(facts, self.part)]:
                self._note(note)
            self._look_at_migrations(facts.migrations)
            self._ask_the_site(database, log.entry.new)
        log.forget()
        logger.info(
            "drilled database %s of backup %s: %d bytes, %.1f s",
            self.part.part,
            self.entry.id,
            self.part.raw_bytes,
            seconds,
        )
        return seconds

    def _load_request(self, workdir: Path, *, owners: bool) -> LoadRequest:
        part = self.part
        return LoadRequest(
            open_raw=raw_opener(self.entry, part.file, part, f"restoring {part.part}", self.report),
            format=part.format,
            workdir=workdir,
            owners=owners,
            lenient=True,
            filled=filled_views(part),
            for_all=rights_of_all(part),
        )

    def _judge(self, problems: list[str]) -> None:
        self.problems += [joined([self.part.part, problem], ": ") for problem in problems]

    def _look_at_migrations(self, migrations: tuple[tuple[str, str], ...]) -> None:
        state = compare_migrations(migrations, ())
        if state.forward:
            self._note(
                ngettext(
                    "%(number)d migration is to be run.",
                    "%(number)d migrations are to be run.",
                    len(state.forward),
                )
            )
        if state.unknown:
            self._note(
                ngettext(
                    "the code does not know %(number)d migration.",
                    "the code does not know %(number)d migrations.",
                    len(state.unknown),
                )
            )

    def _note(self, sentence: str) -> None:
        self.notes.append(joined([self.part.part, sentence], ": "))

    def _ask_the_site(self, database: Database, name: str) -> None:
        """Call the site's own checks; in this thread the alias means the scratch database."""
        for path in self.context.settings.drill_checks:
            try:
                check = import_string(path)
            except ImportError as error:
                raise ConfigurationError(
                    _(
                        "%(setting)s names %(path)r",
                        setting="TRUSTBACKUP['DRILL_CHECKS']",
                        path=path,
                    ),
                    why=str(error),
                ) from error
            with pointed_at(self.part.part, database.address(name)):
                try:
                    problem = check(self.part.part)
                except Exception as error:
                    logger.exception("The drill check %s failed", path)
                    problem = f"{type(error).__name__}: {error}"
            if problem:
                self._judge([_("%(path)s says: %(problem)s", path=path, problem=problem)])

    def _has_fingerprints(self) -> bool:
        tables = self.part.tables
        return bool(self.part.fingerprint) or any(table.fingerprint for table in tables)
