"""Delete backups, one by one, each with an outcome of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.site import Site
from trustbackup.phrases import gettext as _
from trustbackup.store import catalog, drafts, names, record


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """What became of one reference; ``error`` is "" when its backup is gone."""

    id: str
    error: str = ""


def delete_backups(references: Sequence[str]) -> list[Deletion]:
    """Delete each backup. What is kept stays, and says so; one failure stops no other."""
    site = Site.current()
    outcomes = []
    for reference in dict.fromkeys(references):
        try:
            outcomes.append(Deletion(id=_delete(site, reference)))
        except TrustbackupError as error:
            outcomes.append(Deletion(id=reference, error=str(error)))
    catalog.synchronise(site.settings.root, site.signer)
    return outcomes


def _delete(site: Site, reference: str) -> str:
    root = site.settings.root
    entry = catalog.find(root, reference)
    if record.read(root, entry.id, site.signer).kept:
        raise TrustbackupError(
            _("Backup %(id)s was not deleted", id=entry.id),
            why=_("it is kept"),
            todo=_("Release it first with keep_backup --release, then delete it."),
        )
    extra = [name for name in entry.files if name != names.manifest_name(entry.id)]
    drafts.delete(root, entry.id, extra)
    return entry.id
