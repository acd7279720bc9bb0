"""What is inside a backup that is to be restored, as its manifest and its first bytes tell."""

from __future__ import annotations

from django.db import connections

from trustbackup.exceptions import ManifestError, RestoreError, UsageError
from trustbackup.operations.site import Reporter, Site
from trustbackup.operations.verify import check_files, format_of, inspect_foreign
from trustbackup.phrases import gettext as _
from trustbackup.store import names
from trustbackup.store.entry import Entry
from trustbackup.store.manifest import Manifest, Part
from trustbackup.store.signature import Signature

Found = tuple[str, str, str, Part | None]
"""An alias, its file, what that holds by its first bytes, and what the manifest says of it."""


def read_inside(
    site: Site, entry: Entry, report: Reporter, *, hashes: bool, here: bool
) -> tuple[Manifest | None, Signature | None, list[Found]]:
    """The manifest, its signature, and the databases of a backup.

    With ``hashes`` every byte is read and compared; without ``here`` its data files are away.
    Raises RestoreError when it is damaged or of another engine, ManifestError, FolderError.
    """
    found: list[Found] = []
    manifest: Manifest | None = None
    signature: Signature | None = None
    if entry.has_manifest:
        manifest, signature = entry.read_manifest(site.signer)
        if not here:
            problems = []
        elif hashes:
            problems = check_files(entry, manifest, report)
        else:
            problems = [missing] if (missing := entry.missing(manifest)) else []
        parts = [] if problems else [part for part in manifest.parts if part.engine]
        found = [
            (part.part, part.file, _format_of(site, entry, part, here=here), part) for part in parts
        ]
    else:
        problems = inspect_foreign(site, entry, report)
        for name in [] if problems else entry.data_files or list(entry.files):
            database, format_ = format_of(site, entry.root / name)
            parsed = names.parse(name)
            alias = parsed.part if parsed and parsed.part in connections else database.alias
            found.append((alias, name, format_, None))
    if problems:
        raise _refused(entry.id, problems[0], _("Restore another backup, or another copy of it."))
    return manifest, signature, found


def _format_of(site: Site, entry: Entry, part: Part, *, here: bool) -> str:
    """What is inside by its first bytes, if they are here; it must be what the manifest says."""
    try:
        database = site.database(part.part)
    except UsageError as error:
        raise _refused(entry.id, str(error), "") from error
    if part.engine != database.engine:
        raise _refused(
            entry.id,
            _(
                "it holds a %(engine)s database and %(alias)r is %(other)s",
                engine=part.engine,
                alias=part.part,
                other=database.engine,
            ),
            _("Restore it on a site with that engine."),
        )
    if not here:
        return part.format
    _database, format_ = format_of(site, entry.root / part.file)
    if format_ != part.format:
        raise ManifestError(
            _("Backup %(id)s was not restored", id=entry.id),
            why=_(
                "%(file)s holds a %(format)s, and the manifest says %(expected)s",
                file=part.file,
                format=format_,
                expected=part.format,
            ),
            todo=_("Restore another backup."),
        )
    return format_


def _refused(identifier: str, why: str, todo: str) -> RestoreError:
    return RestoreError(_("Backup %(id)s was not restored", id=identifier), why=why, todo=todo)
