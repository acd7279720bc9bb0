"""Restores beside ``dbrestore``, drills beside a bare ``pg_restore``, the time cut off."""

from __future__ import annotations

from benchmarks.report import Section


def measure(_rounds: int) -> list[Section]:
    return []
