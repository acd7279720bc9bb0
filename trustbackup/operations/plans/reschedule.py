"""Plans whose rows a restore writes: they owe nothing of the time before."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime

from trustbackup.contents.app_data.row_set import RowSet
from trustbackup.models import Plan


@contextlib.contextmanager
def rescheduling(rows: RowSet) -> Iterator[None]:
    """Within a transaction: as ``Plan.save`` does, for what a restore writes below it.

    A plan that comes back, or gets another schedule, is due from now on.
    """
    if Plan not in rows.models:
        yield
        return
    before = _schedules(rows.alias)
    yield
    changed = [key for key, found in _schedules(rows.alias).items() if before.get(key) != found]
    Plan.objects.using(rows.alias).filter(pk__in=changed).update(scheduled_at=datetime.now(UTC))


def _schedules(alias: str) -> dict[int, tuple[object, ...]]:
    found = Plan.objects.using(alias).values_list("pk", "enabled", "schedule", "zone")
    return {key: tuple(schedule) for key, *schedule in found}
