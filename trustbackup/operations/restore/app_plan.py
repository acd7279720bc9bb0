"""What a restore of one app's data, or of settings, would do, found out without touching
anything."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import DatabaseError

from trustbackup.contents.app_data.formats import check_name
from trustbackup.contents.app_data.keys import KeyIndex
from trustbackup.contents.app_data.mode import Mode
from trustbackup.contents.app_data.row_set import RowSet, rows_in
from trustbackup.contents.app_data.survey import Counts, Fixture, Survey, survey
from trustbackup.contents.app_data.tables import rows_of
from trustbackup.exceptions import RestoreError, TrustbackupError, UsageError
from trustbackup.operations.backup.app_data import migrations_of, rows_part
from trustbackup.operations.checks import missing
from trustbackup.operations.context import Context
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.operations.restore.environment import judge_environment
from trustbackup.operations.restore.guard import refuse_if_busy
from trustbackup.operations.restore.migrations import MigrationState, compare_migrations
from trustbackup.operations.restore.objections import Objections, judge_signature
from trustbackup.operations.restore.source import locate, raw_opener
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined, ngettext, one_line
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.manifest import Manifest, Part
from trustbackup.store.sealed_manifest import require_open
from trustbackup.store.signature import Signature

_DESTINATION = "trustbackup.Destination"


@dataclass(frozen=True, kw_only=True)
class AppPlan:
    """The whole of it. ``refusals`` must be empty for the plan to be carried out."""

    entry: BackupFiles
    rows: RowSet
    part: Part
    mode: Mode
    signature: Signature | None
    found: Survey
    migrations: MigrationState
    refusals: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def label(self) -> str:
        """The app's, or ``settings``."""
        return self.rows.label

    @property
    def alias(self) -> str:
        """The database that the rows go into."""
        return self.part.database


def parse_mode(name: str) -> Mode:
    """Raises UsageError; "" is what a careful operator would choose."""
    try:
        return Mode(name or Mode.UPDATE)
    except ValueError:
        raise UsageError(
            _("There is no mode %(name)r", name=name),
            todo=_("Choose one of %(known)s.", known=", ".join(Mode)),
        ) from None


def plan_app_restore(
    reference: str,
    mode: Mode = Mode.UPDATE,
    report: Reporter = quiet,
    *,
    trusted: bool = False,
    allow_unknown_migrations: bool = False,
    environment: str | None = "",
) -> AppPlan:
    """``reference`` is an id, or the path of a manifest or a file beside it.

    ``trusted`` is whether the operator named its file and vouches for it; ``environment`` is the
    name of the one that the backup is from, as who confirmed it said, None to look only. Raises
    BackupNotFound, UsageError, RestoreError when the file is missing, damaged or no fixture, Busy.
    """
    context = Context.current()
    entry = locate(context, reference)
    manifest, part, signature = _part_of(entry)
    if part.file not in entry.files:
        raise _refused(entry.id, missing(part))
    check_name(part.format)
    context.database(part.database)
    refuse_if_busy(context, part.database)
    rows = rows_of_part(part)
    fixture = fixture_of(entry, part, rows, report)
    migrations = compare_app(part, rows)
    objections = judge_signature(signature, trusted=trusted)
    objections += judge_environment(manifest, environment)
    objections += _look_at_migrations(migrations, allowed=allow_unknown_migrations)
    found = Survey()
    if not objections.refusals:  # what nobody vouches for is not read
        with KeyIndex() as index:
            found = look(entry, fixture, mode, index)
        objections += _look_at_secrets(found)
    return AppPlan(
        entry=entry,
        rows=rows,
        part=part,
        mode=mode,
        signature=signature,
        found=found,
        migrations=migrations,
        refusals=(*objections.refusals, *found.refusals),
        warnings=objections.warnings,
    )


def rows_read(entry: BackupFiles) -> int:
    """How many rows a plan reads, there and in the backup. Raises UsageError, DatabaseError."""
    _manifest, part, _signature = _part_of(entry)
    found = rows_of_part(part).models
    return part.rows + sum(rows_of(model, part.database).count() for model in found)


def _part_of(entry: BackupFiles) -> tuple[Manifest, Part, Signature | None]:
    manifest, signature = entry.read_manifest()
    require_open(manifest)
    part = rows_part(manifest)
    if part is None:
        raise UsageError(
            _("Backup %(id)s holds no app's data and no settings", id=entry.id),
            todo=_("Leave --mode out."),
        )
    return manifest, part, signature


def rows_of_part(part: Part) -> RowSet:
    """Raises UsageError for an app or a model that is gone."""
    return rows_in(part.part, part.database, [table.name for table in part.tables])


def fixture_of(
    entry: BackupFiles, part: Part, rows: RowSet, report: Reporter, stage: str = ""
) -> Fixture:
    """The part as rows of the site's models. Raises UsageError."""
    stage = stage or f"reading {part.file}"
    report(Progress(stage=stage))
    return Fixture(
        raw_opener(entry, part.file, part, stage, report),
        part.format,
        rows.alias,
        rows.models,
    )


def look(entry: BackupFiles, fixture: Fixture, mode: Mode, index: KeyIndex) -> Survey:
    """Raises RestoreError."""
    try:
        return survey(fixture, mode, index)
    except DatabaseError as error:
        raise _refused(entry.id, one_line(str(error))) from error


def drill_rows(entry: BackupFiles, part: Part, report: Reporter) -> list[str]:
    """What speaks against putting the rows of a part back now: they are read beside the live ones,
    and nothing is written."""
    try:
        with KeyIndex() as index:
            fixture = fixture_of(entry, part, rows_of_part(part), report)
            found = look(entry, fixture, Mode.UPDATE, index).refusals
    except TrustbackupError as error:
        found = [str(error)]
    return [joined([part.part, problem], ": ") for problem in found]


def compare_app(part: Part, rows: RowSet) -> MigrationState:
    """The apps' migrations in the backup beside those that are applied now."""
    live = migrations_of(rows)
    state = compare_migrations(part.migrations, live)
    return MigrationState(
        forward=tuple(key for key in live if key not in part.migrations),
        unknown=tuple(key for key in state.unknown if key[0] in rows.apps),
    )


def _look_at_migrations(state: MigrationState, *, allowed: bool) -> Objections:
    if state.unknown:
        return Objections.of(
            _(
                "The backup is newer than the code of app %(app)r, which does not know its"
                " migration %(migration)s: update the code, or say --allow-unknown-migrations.",
                app=state.unknown[0][0],
                migration=state.unknown[0][1],
            ),
            only_warn=allowed,
        )
    if state.forward:
        return Objections.of(
            _(
                "App %(app)r was migrated since (%(migration)s): what the backup does not know"
                " keeps its value, or gets its default.",
                app=state.forward[-1][0],
                migration=state.forward[-1][1],
            ),
            only_warn=True,
        )
    return Objections()


def _look_at_secrets(found: Survey) -> Objections:
    """A warning on destinations that come back, or go: no backup of settings has their secrets."""
    objections, counts = Objections(), found.counts.get(_DESTINATION, Counts())
    if counts.added:
        objections += Objections.of(
            ngettext(
                "%(number)d destination comes back without its password or key: enter it on its"
                " page.",
                "%(number)d destinations come back without their passwords and keys: enter them on"
                " their pages.",
                counts.added,
            ),
            only_warn=True,
        )
    if counts.deleted:
        objections += Objections.of(
            ngettext(
                "%(number)d destination goes, and its password or key with it: no backup of"
                " settings has that.",
                "%(number)d destinations go, and their passwords and keys with them: no backup of"
                " settings has those.",
                counts.deleted,
            ),
            only_warn=True,
        )
    return objections


def _refused(identifier: str, why: str) -> RestoreError:
    return RestoreError(
        _("Backup %(id)s was not restored", id=identifier),
        why=why,
        todo=_("Restore another backup, or another copy of it."),
    )
