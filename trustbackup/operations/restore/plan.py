"""What a restore would do, found out without touching anything."""

from __future__ import annotations

from dataclasses import dataclass

from trustbackup.databases.base import Database
from trustbackup.exceptions import UsageError
from trustbackup.operations.backup.app_data import holds_app, restore_command
from trustbackup.operations.backup.media import refuse_media
from trustbackup.operations.context import Context
from trustbackup.operations.progress import Reporter, quiet
from trustbackup.operations.restore.choice import choose
from trustbackup.operations.restore.comparison import RowDifference, differences
from trustbackup.operations.restore.contents import FoundDatabase, read_inside
from trustbackup.operations.restore.environment import judge_environment
from trustbackup.operations.restore.estimate import estimate_seconds
from trustbackup.operations.restore.guard import refuse_if_busy
from trustbackup.operations.restore.migrations import MigrationState, compare_migrations
from trustbackup.operations.restore.objections import (
    Objections,
    judge_signature,
    look_at_roles,
    look_at_versions,
    unknown_migrations,
)
from trustbackup.operations.restore.own_tables import app_tables
from trustbackup.operations.restore.sessions import sessions_that_stay
from trustbackup.operations.restore.source import locate
from trustbackup.phrases import gettext as _
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.journal_entry import Strategy
from trustbackup.store.manifest import Manifest, Part
from trustbackup.store.signature import Signature


@dataclass(frozen=True, kw_only=True)
class RestoreRequest:
    """What the operator wants; the defaults are what a careful one would choose."""

    strategy: Strategy | None = None
    """None to choose by itself."""
    into: str = ""
    tables: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()
    """Only these parts of the backup; empty means all."""
    trust_manifest: bool = False
    """Counts only together with ``named_by_file``."""
    named_by_file: bool = False
    allow_unknown_migrations: bool = False
    migrate: bool = False
    privileges: bool = True
    safety_backup: bool = True
    environment: str | None = ""
    """The name of the one that the backup is from, as who confirmed it said; None to look only."""


@dataclass(frozen=True, kw_only=True)
class PartPlan:
    """What would become of one database."""

    alias: str
    file: str
    format: str
    part: Part | None
    strategy: Strategy
    why: str
    has_rows: bool
    """Whether the live database holds anything that may be lost."""
    rows_now: int
    """0 when they were not counted, as ``differences`` is empty then."""
    differences: tuple[RowDifference, ...] = ()
    migrations: MigrationState | None = None


@dataclass(frozen=True, kw_only=True)
class RestorePlan:
    """The whole of it. ``refusals`` must be empty for the plan to be carried out."""

    entry: BackupFiles
    request: RestoreRequest
    manifest: Manifest | None
    signature: Signature | None
    parts: tuple[PartPlan, ...]
    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: float | None = None
    """How long it may take, by the last drill; None when nothing was drilled yet."""

    @property
    def rows_now(self) -> int:
        """How many rows of live databases would be replaced; 0 when they were not counted."""
        return sum(part.rows_now for part in self.parts if part.strategy is not Strategy.INTO)


def plan_restore(
    reference: str,
    request: RestoreRequest | None = None,
    report: Reporter = quiet,
    *,
    hashes: bool = True,
    count: bool = True,
) -> RestorePlan:
    """``reference`` is an id, ``latest``, or the path of a dump or a manifest anywhere.

    Without ``hashes`` the files' content is not read: for a first look, never to restore.
    Without ``count`` the live rows are not counted: for a restore that nobody asks about.
    Raises BackupNotFound, UsageError, RestoreError when a file is missing or damaged, Busy.
    """
    request = request or RestoreRequest()
    context = Context.current()
    entry = locate(context, reference)
    if holds_app(entry):
        raise UsageError(
            _("Backup %(id)s holds one app's data, and no database", id=entry.id),
            todo=_(
                "Restore it from the command line: %(command)s", command=restore_command(entry.id)
            ),
        )
    refuse_media(entry)
    offloaded = entry.offloaded()
    contents = read_inside(context, entry, report, hashes=hashes, here=offloaded is None)
    _check_request(request, entry, [found.alias for found in contents.databases])
    objections = Objections()
    if offloaded is not None:
        sentence = _(
            "The data of backup %(id)s is at %(where)s only: it is fetched and checked first.",
            id=entry.id,
            where=offloaded.where,
        )
        objections += Objections.of(sentence, only_warn=True)
    parts = []
    for found in contents.databases:
        if request.databases and found.alias not in request.databases:
            continue
        # Its tables are locked meanwhile: counting them would wait for its end.
        refuse_if_busy(context, found.alias)
        part, against = _plan_part(context, request, found, count=count)
        parts.append(part)
        objections += against
    if not request.into:
        objections += judge_environment(contents.manifest, request.environment)
        objections += Objections.of(sessions_that_stay(), only_warn=True)
    trusted = request.trust_manifest and request.named_by_file
    objections += judge_signature(contents.signature, trusted=trusted)
    return RestorePlan(
        entry=entry,
        request=request,
        manifest=contents.manifest,
        signature=contents.signature,
        parts=tuple(parts),
        refusals=objections.refusals,
        warnings=objections.warnings,
        seconds=estimate_seconds(context, entry, contents.manifest),
    )


def _check_request(request: RestoreRequest, entry: BackupFiles, aliases: list[str]) -> None:
    for alias in request.databases:
        if alias not in aliases:
            raise UsageError(
                _("Backup %(id)s has no database %(alias)r", id=entry.id, alias=alias),
                todo=_("It has %(names)s.", names=", ".join(map(repr, aliases))),
            )
    if request.tables and not request.into:
        raise UsageError(
            _("Single tables can't be restored into the live database"),
            why=_("its other tables would not fit them any more"),
            todo=_("Add --into NAME and copy from there what you need."),
        )
    if request.into and len(request.databases or aliases) != 1:
        raise UsageError(
            _("Backup %(id)s holds several databases", id=entry.id),
            todo=_("Name one with --database."),
        )


def _plan_part(
    context: Context,
    request: RestoreRequest,
    found: FoundDatabase,
    *,
    count: bool,
) -> tuple[PartPlan, Objections]:
    database = context.database(found.alias)
    choice = choose(database, request.strategy, request.into)
    against = choice.against
    for caution in database.cautions(choice.strategy):
        against += Objections.of(caution, only_warn=True)
    live = database.facts(count=count)
    part = found.part
    if part is not None:
        against += look_at_versions(database, part, live)
        against += look_at_roles(database, part, privileges=request.privileges)
        against += _look_at_excluded(part)
        if choice.strategy is not Strategy.IN_PLACE:
            against += _look_at_room(database, part)
    if request.into and database.exists(request.into):
        against += Objections.of(
            _("There is a database %(name)s already: choose another name.", name=request.into)
        )
    migrations = None
    if part is not None and choice.strategy is not Strategy.INTO:
        migrations = compare_migrations(part.migrations, live.migrations if live else ())
        complaint = unknown_migrations(found.alias, migrations, part.migrations, live)
        against += Objections.of(complaint, only_warn=request.allow_unknown_migrations)
    stay = () if choice.strategy is Strategy.INTO else app_tables()
    plan = PartPlan(
        alias=found.alias,
        file=found.file,
        format=found.format,
        part=part,
        strategy=choice.strategy,
        why=choice.why,
        has_rows=database.has_rows(),
        rows_now=sum(table.rows for table in live.tables) if live else 0,
        differences=differences(live, part, stay) if count else (),
        migrations=migrations,
    )
    return plan, against


def _look_at_excluded(part: Part) -> Objections:
    """A warning on tables that come back empty, since the backup's plan leaves their rows out."""
    if not part.excluded:
        return Objections()
    return Objections.of(
        _(
            "The backup has no rows of %(tables)s, on purpose: they will be empty.",
            tables=", ".join(part.excluded),
        ),
        only_warn=True,
    )


def _look_at_room(database: Database, part: Part) -> Objections:
    problem = database.room_for(part.raw_bytes)
    if not problem:
        return Objections()
    return Objections.of(
        _(
            "There is no room for database %(alias)r: %(problem)s.",
            alias=database.alias,
            problem=problem,
        )
    )
