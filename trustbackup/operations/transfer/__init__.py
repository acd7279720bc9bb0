"""Backups in and out: bundles, archives and files from elsewhere."""

from __future__ import annotations
