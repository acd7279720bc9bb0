"""Pure rules: retention, schedules, anomalies."""

from __future__ import annotations
