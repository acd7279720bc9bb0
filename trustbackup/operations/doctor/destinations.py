"""Each destination: whether it answers, holds what it should, and is another disk at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from django.db.models import Count, Q

from trustbackup.destinations.base import DestinationBackend, NotMadeYet
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Copy, Destination
from trustbackup.operations.context import Context
from trustbackup.operations.doctor.finding import Finding, Look
from trustbackup.operations.offsite.connection_test import PATIENCE
from trustbackup.operations.offsite.remote import list_remote
from trustbackup.operations.offsite.targets import connect, open_secrets
from trustbackup.phrases import gettext as _
from trustbackup.phrases import ngettext

_LOOK = Look("destinations")


def look_at_destinations(context: Context) -> Iterator[Finding]:
    """Signs in at each, and lists what is there; writes nothing. Raises DatabaseError."""
    rows = [row for row in Destination.objects.all() if row.options]
    if not rows:
        yield _LOOK.warn(
            "none",
            _("Every backup is on this machine alone: what takes the machine takes them all."),
            _("Add a destination on the page, at best in another building."),
        )
    counted = Copy.objects.values("destination").annotate(
        failed=Count("pk", filter=Q(state=Copy.State.FAILED))
    )
    failed = {item["destination"]: item["failed"] for item in counted}
    for row in rows:
        try:
            yield _look_at(context, row, failed.get(row.pk, 0))
        except TrustbackupError as error:
            yield _LOOK.failed(row.name, error)


def _look_at(context: Context, row: Destination, failed: int) -> Finding:
    limits = {name: most for name, most in PATIENCE.items() if name in row.options}
    limited = {name: min(float(row.options[name]), most) for name, most in limits.items()}
    with connect(row.kind, {**row.options, **limited}, open_secrets(row)) as destination:
        there = 0
        with suppress(NotMadeYet):
            there = sum(remote.has_manifest for remote in list_remote(destination).values())
        if _on_the_same_disk(destination, context.settings.backup_dir):
            return _LOOK.warn(
                row.name,
                _(
                    "%(name)s is on the same disk as the backup folder: they are lost together.",
                    name=row.name,
                ),
                _("Choose a folder on another disk, or another kind of destination."),
            )
    if row.problem:
        return _LOOK.bad(
            row.name,
            _("%(name)s answers, and its last use failed: %(why)s", name=row.name, why=row.problem),
            _("Run sync_backups, which copies what it lacks."),
        )
    if failed:
        return _LOOK.warn(
            row.name,
            ngettext(
                "%(name)s answers, and %(number)d copy there is not good.",
                "%(name)s answers, and %(number)d copies there are not good.",
                failed,
                name=row.name,
            ),
            _("Run sync_backups, which copies them again."),
        )
    return _LOOK.ok(
        row.name,
        ngettext(
            "%(name)s answers, and holds %(number)d backup.",
            "%(name)s answers, and holds %(number)d backups.",
            there,
            name=row.name,
        ),
    )


def _on_the_same_disk(destination: DestinationBackend, root: Path) -> bool:
    folder = destination.local_folder
    try:
        return folder is not None and folder.stat().st_dev == root.stat().st_dev
    except OSError:
        return False
