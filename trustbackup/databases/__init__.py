"""The database engines: the only importers of dbbackup and the only starters of programs."""

from __future__ import annotations
