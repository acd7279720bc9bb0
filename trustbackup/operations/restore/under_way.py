"""What was under way when a backup was made, of whose end its rows know nothing.

A dump holds this app's tables as they were at its own instant: the run that makes it goes on, and
messages wait. Such rows are replaced by the live ones in every restore but that of a site that has
lost them; there they would be taken for runs that died, and be told and counted as failures.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connections, transaction

from trustbackup.models import Delivery, Run
from trustbackup.phrases import gettext as _
from trustbackup.store.manifest import Manifest

RUNS = Run._meta.db_table  # noqa: SLF001 - documented API


def has_runs(alias: str) -> bool:
    """Whether the database behind this alias has this app's tables. Raises DatabaseError."""
    connection = connections[alias]
    # It was left alone for as long as a safety backup takes: servers end what is idle.
    if connection.connection and not connection.in_atomic_block and not connection.is_usable():
        connection.close()
    with connection.cursor() as cursor:
        return RUNS in connection.introspection.table_names(cursor)


def conclude(alias: str, identifier: str, manifest: Manifest | None) -> None:
    """Say of each such row in the database behind this alias what is known of its end.

    One run at a time works on a database: the newest one that was making a backup made this one, if
    its manifest says that it is one. Raises DatabaseError, when the tables are those of another
    version, say; then nothing has changed.
    """
    if not has_runs(alias):
        return
    with transaction.atomic(using=alias):
        if manifest is not None:
            _conclude_maker(alias, manifest)
        now = datetime.now(UTC)
        Run.objects.using(alias).active().update(
            state=Run.State.CANCELLED,
            finished=now,
            error=_(
                "It was under way when backup %(id)s was made, and its end is not in that.",
                id=identifier,
            ),
        )
        waiting = (Delivery.State.WAITING, Delivery.State.SENDING)
        Delivery.objects.using(alias).filter(state__in=waiting).update(
            state=Delivery.State.FAILED,
            finished=now,
            problem=_(
                "It waited when backup %(id)s was made, and may have been sent since.",
                id=identifier,
            ),
        )


def _conclude_maker(alias: str, manifest: Manifest) -> None:
    making = Run.objects.using(alias).filter(
        action__in=Run.MAKING, state=Run.State.RUNNING, started__lte=manifest.finished
    )
    maker = making.order_by("-started").values_list("pk", flat=True).first()
    if maker is not None:
        Run.objects.using(alias).filter(pk=maker).update(
            state=Run.State.SUCCEEDED, target=manifest.id, finished=manifest.finished
        )
