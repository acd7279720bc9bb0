"""Put a bucket's versions back: copies on the server's side, and marks of deletion.

Nothing is lost by it: what is replaced or deleted stays an older version, and a list of the state
before is made first, as a backup of its own, which puts all back.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from trustbackup.contents.versions import ObjectVersion
from trustbackup.destinations.base import DestinationError
from trustbackup.exceptions import Cancelled, RestoreError
from trustbackup.operations.backup.create import create_backup
from trustbackup.operations.backup.media import MEDIA_KIND
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.operations.restore.bucket_plan import BucketPart, BucketPlan, lost_versions
from trustbackup.operations.restore.in_parallel import in_parallel
from trustbackup.phrases import gettext as _

logger = logging.getLogger(__name__)


@dataclass
class BucketResult:
    """What became of one bucket: numbers of objects."""

    part: str
    copied: int = 0
    deleted: int = 0
    same: int = 0
    safety_backup: str = ""
    """The list of the state before; "" where nothing was changed."""
    problem: str = ""
    """A sentence on versions that are lost; "" for none."""


def restore_buckets(plan: BucketPlan, report: Reporter = quiet) -> list[BucketResult]:
    """Raises RestoreError; what was put back until then stays, and a second call goes on."""
    if plan.refusals:
        what = _("Backup %(id)s was not restored", id=plan.entry.id)
        raise RestoreError(what, why=plan.refusals[0])
    return [_restore(plan, each, report) for each in plan.buckets]


def _restore(plan: BucketPlan, each: BucketPart, report: Reporter) -> BucketResult:
    began = time.monotonic()
    result = BucketResult(part=each.part.part, same=each.same)
    if each.lost:
        result.problem = lost_versions(each.part, each.lost)
    items = (*each.missing, *each.changed)
    if not items and not each.surplus:
        return result
    made = create_backup(
        kind=MEDIA_KIND,
        only=[each.part.part],
        name=f"Safety: before restoring {plan.entry.id}",
        keep=True,
        trigger="safety",
        report=report,
    )
    result.safety_backup = made.id
    bucket, stage = each.media.bucket, f"putting {each.part.part} back"
    total = sum(item.size for item in items)

    def put(item: ObjectVersion) -> None:
        bucket.make_newest(item.key, item.version, item.size)

    done = 0
    try:
        for item, _none in in_parallel(put, items):
            result.copied += 1
            done += item.size
            report(Progress(stage=stage, done=done, total=total))
        # Last: until everything is back, nothing more is taken away.
        for _key, _none in in_parallel(bucket.mark_deleted, each.surplus):
            result.deleted += 1
            report(Progress(stage=stage, done=done, total=total))
    except (DestinationError, Cancelled, KeyboardInterrupt) as error:
        raise _stopped(plan, result, len(items) + len(each.surplus), error) from error
    logger.info(
        "%s is that of backup %s: %d objects were put back, %d deleted, %.1f s.",
        each.part.part,
        plan.entry.id,
        result.copied,
        result.deleted,
        time.monotonic() - began,
    )
    return result


def _stopped(
    plan: BucketPlan, result: BucketResult, total: int, error: BaseException
) -> RestoreError | Cancelled:
    kind = RestoreError if isinstance(error, DestinationError) else Cancelled
    return kind(
        _("Backup %(id)s was restored in part", id=plan.entry.id),
        why=_(
            "%(done)d of %(total)d objects of %(part)s were changed, then: %(error)s",
            done=result.copied + result.deleted,
            total=total,
            part=result.part,
            error=str(error) or type(error).__name__,
        ),
        todo=_(
            "Restore it again to go on; backup %(safety)s has the state before.",
            safety=result.safety_backup,
        ),
    )
