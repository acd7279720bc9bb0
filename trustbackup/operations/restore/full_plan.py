"""What a restore of a full backup would do: its databases and its uploaded files together."""

from __future__ import annotations

from dataclasses import dataclass

from trustbackup.contents.app_data.row_set import SETTINGS
from trustbackup.exceptions import UsageError
from trustbackup.operations.backup.media import archives, what_is_in_buckets, what_is_lacking
from trustbackup.operations.context import Context
from trustbackup.operations.progress import Reporter, quiet
from trustbackup.operations.restore.media_plan import (
    FolderPlan,
    MediaPlan,
    MediaRequest,
    plan_media_restore,
)
from trustbackup.operations.restore.plan import RestorePlan, RestoreRequest, plan_restore
from trustbackup.operations.restore.source import locate
from trustbackup.phrases import gettext as _

DATABASE_PART = "database"
"""By which all databases of a backup are named together."""


@dataclass(frozen=True, kw_only=True)
class FullPlan:
    """``files`` is None where the backup has none, or only its databases are wanted."""

    databases: RestorePlan
    files: MediaPlan | None

    @property
    def refusals(self) -> tuple[str, ...]:
        """Must be empty for the plan to be carried out."""
        return (*self.databases.refusals, *(self.files.refusals if self.files else ()))

    @property
    def warnings(self) -> tuple[str, ...]:
        manifest = self.databases.manifest
        found = (*self.databases.warnings, *(self.files.warnings if self.files else ()))
        if manifest is None:
            return found
        of_buckets = () if self.files else what_is_in_buckets(manifest)
        return (*found, *of_buckets, *what_is_lacking(manifest))

    @property
    def aliases(self) -> list[str]:
        """Of the databases and folders that are replaced."""
        folders = [each.target.alias for each in self.folders if each.target]
        return [*(part.alias for part in self.databases.parts), *folders]

    @property
    def folders(self) -> tuple[FolderPlan, ...]:
        return self.files.folders if self.files else ()


def plan_full_restore(
    reference: str,
    request: RestoreRequest,
    report: Reporter = quiet,
    *,
    hashes: bool = True,
    count: bool = True,
    files: bool = True,
) -> FullPlan:
    """As ``plan_restore`` and ``plan_media_restore``, whose errors it raises.

    Without ``files`` the databases alone are restored, as of a backup that has no files.
    """
    databases = plan_restore(reference, request, report, hashes=hashes, count=count)
    entry, manifest = databases.entry, databases.manifest
    if not files or manifest is None or databases.refusals or not any(archives(manifest)):
        return FullPlan(databases=databases, files=None)
    trusted = request.trust_manifest and request.named_by_file
    # Of the environment the databases' plan has spoken already.
    wanted = MediaRequest(trusted=trusted, same_environment=True)
    found = plan_media_restore(reference, wanted, report, hashes=hashes, count=count, entry=entry)
    return FullPlan(databases=databases, files=found)


def wanted_parts(reference: str, names: list[str]) -> tuple[list[str], list[str], bool]:
    """What these names of parts mean: aliases of databases, folders' parts, and the settings.

    Raises UsageError for a name that is none, and for settings with anything else.
    """
    entry = locate(Context.current(), reference)
    manifest, _signature = entry.read_manifest()
    databases = [part.part for part in manifest.parts if part.engine]
    folders = [part.part for part, _listing in archives(manifest)]
    others = [part.part for part in manifest.parts if part.tables and part.part not in databases]
    found: tuple[list[str], list[str], list[str]] = ([], [], [])
    for name in names:
        if name == DATABASE_PART and databases:
            found[0].extend(databases)
        elif name in databases:
            found[0].append(name)
        elif name in folders:
            found[1].append(name)
        elif name in others or (name == SETTINGS and others):
            found[2].append(name)
        else:
            known = ", ".join([DATABASE_PART, *folders, *others])
            raise UsageError(
                _("Backup %(id)s has no part %(part)r", id=entry.id, part=name),
                todo=_("Choose one of %(known)s.", known=known),
            )
    if found[2] and (found[0] or found[1]):
        raise UsageError(
            _("Settings are restored alone"),
            why=_("the database has them, too"),
            todo=_("Name one of the two."),
        )
    return found[0], found[1], bool(found[2])
