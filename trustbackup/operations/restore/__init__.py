"""Going back to a backup: planned, carried out, undone, and tried in drills."""

from __future__ import annotations
