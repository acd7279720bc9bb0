"""The example site that trustbackup protects."""

from __future__ import annotations
