"""What a restore would do, found out without touching anything."""

from __future__ import annotations

from dataclasses import dataclass

from trustbackup.databases.base import Database
from trustbackup.exceptions import UsageError
from trustbackup.operations.estimate import estimate_seconds
from trustbackup.operations.inside import Found, read_inside
from trustbackup.operations.readback import Difference, differences, locate
from trustbackup.operations.refusals import judge_signature, look_at_versions, unknown_migrations
from trustbackup.operations.rules import MigrationState, compare_migrations
from trustbackup.operations.settling import refuse_if_busy
from trustbackup.operations.site import Reporter, Site, quiet
from trustbackup.phrases import gettext as _
from trustbackup.store.dropping import away_of
from trustbackup.store.entry import Entry
from trustbackup.store.manifest import Manifest, Part
from trustbackup.store.signature import Signature

SWAP, IN_PLACE, INTO = "swap", "in place", "into"
ASKED_FOR = _("it was asked for")
BESIDE = _("the new database is built beside the live one and the old one is kept")


@dataclass(frozen=True, kw_only=True)
class RestoreRequest:
    """What the operator wants; the defaults are what a careful one would choose."""

    strategy: str = ""
    """``swap``, ``in place``, ``into``, or "" to choose by itself."""
    into: str = ""
    tables: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()
    """Only these parts of the backup; empty means all."""
    trust_manifest: bool = False
    allow_unknown_migrations: bool = False
    migrate: bool = False
    privileges: bool = True
    safety_backup: bool = True


@dataclass(frozen=True, kw_only=True)
class PartPlan:
    """What would become of one database."""

    alias: str
    file: str
    format: str
    part: Part | None
    strategy: str
    why: str
    has_rows: bool
    """Whether the live database holds anything that may be lost."""
    rows_now: int
    """0 when they were not counted, as ``differences`` is empty then."""
    differences: tuple[Difference, ...] = ()
    migrations: MigrationState | None = None


@dataclass(frozen=True, kw_only=True)
class RestorePlan:
    """The whole of it. ``refusals`` must be empty for the plan to be carried out."""

    entry: Entry
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
        return sum(part.rows_now for part in self.parts if part.strategy != INTO)


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
    site = Site.current()
    entry = locate(site, reference)
    away = away_of(entry, site.signer)
    manifest, signature, found = read_inside(site, entry, report, hashes=hashes, here=away is None)
    _check_request(request, entry, [alias for alias, _file, _format, _part in found])
    refusals: list[str] = []
    warnings: list[str] = []
    if away is not None:
        warnings.append(
            _(
                "The data of backup %(id)s is at %(where)s only: it is fetched and checked first.",
                id=entry.id,
                where=away.where,
            )
        )
    parts = []
    for item in found:
        alias = item[0]
        if request.databases and alias not in request.databases:
            continue
        # Its tables are locked meanwhile: counting them would wait for its end.
        refuse_if_busy(site, alias)
        parts.append(_plan_part(site, request, item, refusals, warnings, count=count))
    judge_signature(
        signature,
        trusted=request.trust_manifest,
        nothing_to_lose=not any(part.has_rows for part in parts if part.strategy != INTO),
        refusals=refusals,
        warnings=warnings,
    )
    return RestorePlan(
        entry=entry,
        request=request,
        manifest=manifest,
        signature=signature,
        parts=tuple(parts),
        refusals=tuple(refusals),
        warnings=tuple(warnings),
        seconds=estimate_seconds(site, entry, manifest),
    )


def _check_request(request: RestoreRequest, entry: Entry, aliases: list[str]) -> None:
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
    site: Site,
    request: RestoreRequest,
    found: Found,
    refusals: list[str],
    warnings: list[str],
    *,
    count: bool,
) -> PartPlan:
    alias, file, format_, part = found
    database = site.database(alias)
    strategy, why = _choose(database, request, refusals)
    live = database.facts(count=count)
    if part is not None:
        look_at_versions(alias, part, live, warnings)
        if strategy != IN_PLACE and (problem := database.room_for(part.raw_bytes)):
            refusals.append(
                _(
                    "There is no room for database %(alias)r: %(problem)s.",
                    alias=alias,
                    problem=problem,
                )
            )
    if request.into and database.exists(request.into):
        refusals.append(
            _("There is a database %(name)s already: choose another name.", name=request.into)
        )
    migrations = None
    if part is not None and strategy != INTO:
        migrations = compare_migrations(part.migrations, live.migrations if live else ())
        if complaint := unknown_migrations(alias, migrations, part.migrations, live):
            (warnings if request.allow_unknown_migrations else refusals).append(complaint)
    return PartPlan(
        alias=alias,
        file=file,
        format=format_,
        part=part,
        strategy=strategy,
        why=why,
        has_rows=database.has_rows(),
        rows_now=sum(table.rows for table in live.tables) if live else 0,
        differences=differences(live, part) if count else (),
        migrations=migrations,
    )


def _choose(database: Database, request: RestoreRequest, refusals: list[str]) -> tuple[str, str]:
    if request.into:
        return INTO, _("--into %(name)s was asked for", name=request.into)
    obstacle = database.why_not_swap()
    if request.strategy == SWAP and obstacle:
        refusals.append(
            _(
                "Database %(alias)r can't be swapped: %(obstacle)s.",
                alias=database.alias,
                obstacle=obstacle,
            )
        )
    if request.strategy:
        if request.strategy == IN_PLACE and database.engine != "postgresql":
            refusals.append(
                _(
                    "%(engine)s is not restored in place: leave --in-place out, it is swapped.",
                    engine=database.engine,
                )
            )
        return request.strategy, ASKED_FOR
    if obstacle and database.engine == "postgresql":
        return IN_PLACE, obstacle
    if obstacle:
        refusals.append(
            _(
                "Database %(alias)r can't be restored: %(obstacle)s.",
                alias=database.alias,
                obstacle=obstacle,
            )
        )
    return SWAP, BESIDE
