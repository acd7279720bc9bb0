"""Compare a new backup with the ones before it, and note what looks odd beside it.

What is odd stays so, and stops the pruning of its plan's backups, until somebody says that it is
right.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from django.apps import apps

from trustbackup.exceptions import TrustbackupError, UsageError
from trustbackup.models import Backup
from trustbackup.operations.context import Context
from trustbackup.phrases import gettext as _
from trustbackup.policy.anomalies import (
    USUAL,
    Anomaly,
    AnomalyKind,
    Measures,
    compare_rows,
    odd_measures,
    odd_rows,
)
from trustbackup.store import catalog, names
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.manifest import Manifest, Part, table_label
from trustbackup.store.record import Odd
from trustbackup.store.signature import Signature

logger = logging.getLogger(__name__)
LOOKED_AT = 60
"""So many backups before it are read at most, to find some that hold the same."""
OWN_APPS = ("trustbackup", "sessions")
"""Their tables grow and shrink by themselves: our own index, and Django's sessions."""


def note_anomalies(identifier: str) -> list[Anomaly]:
    """Compare a backup with those before it of the same sort and plan; what is odd is noted.

    Needs no index. Raises BackupNotFound, ManifestError, FolderError, Busy.
    """
    context = Context.current()
    entries = context.folder.scan()
    entry = context.folder.find(identifier, entries)
    made, _signature = entry.read_manifest()
    before = _before(made, entries)
    found = odd_measures(_measures_of(made), [_measures_of(each) for each in before])
    if before:
        for part in made.parts:
            found += _odd_tables(before[0].part(part.part), part)
    if found:
        noted = tuple(
            Odd(kind=str(each.kind), subject=each.subject, before=each.before, now=each.now)
            for each in found
        )
        entry.folder.change(
            entry.id, lambda known: replace(known, anomalies=noted, anomalies_confirmed=None)
        )
        catalog.synchronise(context.folder)
        sentences = " ".join(each.sentence for each in found)
        logger.warning("Backup %s looks odd: %s", entry.id, sentences)
    return found


def confirm_anomalies(reference: str) -> str:
    """Note that an odd backup is right, as an operator says; its id.

    Raises BackupNotFound, UsageError.
    """
    context = Context.current()
    entry = context.folder.find(reference)
    if not entry.record().is_odd:
        raise UsageError(
            _("Backup %(id)s does not look odd", id=entry.id),
            todo=_("See list_backups for those that do."),
        )
    now = datetime.now(UTC)
    entry.folder.change(entry.id, lambda known: replace(known, anomalies_confirmed=now))
    catalog.synchronise(context.folder)
    logger.info("Backup %s was said to be right.", entry.id)
    return entry.id


def anomalies_of(backup: Backup) -> list[Anomaly]:
    """What was noted of it, confirmed or not, as far as this version knows it."""
    known = set(AnomalyKind)
    return [
        Anomaly(**{**each, "kind": AnomalyKind(each["kind"])})
        for each in backup.anomalies
        if each["kind"] in known
    ]


def _before(made: Manifest, entries: Mapping[str, BackupFiles]) -> list[Manifest]:
    """The newest ones before it that hold the same, by the same plan, newest first."""
    found: list[Manifest] = []
    order = names.order(made.id)
    older = sorted((key for key in entries if names.order(key) < order), key=names.order)
    for key in reversed(older[-LOOKED_AT:]):
        try:
            other, signature = entries[key].read_manifest()
        except TrustbackupError:
            continue
        if signature is Signature.OURS and _what_of(other) == _what_of(made):
            found.append(other)
        if len(found) == USUAL:
            break
    return found


def _what_of(made: Manifest) -> tuple[str, str, tuple[str, ...]]:
    parts = tuple(sorted(part.part for part in made.parts))
    return made.plan.name if made.plan else "", made.kind, parts


def _measures_of(made: Manifest) -> Measures:
    took = (made.finished - made.started).total_seconds()
    return Measures(raw_bytes=made.raw_bytes, seconds=took)


def _odd_tables(before: Part | None, now: Part) -> list[Anomaly]:
    if before is None:
        return []
    # Rows that a plan leaves out are not lost.
    left_out = {*before.excluded, *now.excluded}
    changes = compare_rows(_rows(before, left_out), _rows(now, left_out))
    names = _model_names()
    return [
        replace(each, subject=names.get(each.subject, each.subject))
        for each in odd_rows(changes, _tables_of_ours())
    ]


def _rows(part: Part, left_out: set[str]) -> dict[str, int]:
    return {
        table_label(table.schema, table.name): table.rows
        for table in part.tables
        if str(table) not in left_out
    }


def _model_names() -> dict[str, str]:
    """What people call a table: the model that it is of."""
    models = apps.get_models(include_auto_created=True)
    return {model._meta.db_table: model._meta.label for model in models}  # noqa: SLF001 - documented API


def _tables_of_ours() -> set[str]:
    return {
        model._meta.db_table  # noqa: SLF001 - documented API
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in OWN_APPS  # noqa: SLF001
    }
