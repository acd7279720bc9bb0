"""Which backups may go: pure rules over facts, without clock, file or database.

``rules`` is what a plan asks for, ``buckets`` picks what its counts keep, ``decide`` says for each
backup whether it stays and why, ``brake`` what stops a deletion all the same, and ``newest`` is
the plain rule of ``prune_backups --keep``.
"""

from __future__ import annotations

from trustbackup.policy.retention.newest import expired
from trustbackup.policy.retention.rules import RetentionPolicy

__all__ = ["RetentionPolicy", "expired"]
