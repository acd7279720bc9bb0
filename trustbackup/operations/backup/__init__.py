"""Backups here: made, described, kept, pruned, deleted."""

from __future__ import annotations
