"""Backups on disk: manifests, durable files, streams and the catalogue."""

from __future__ import annotations
