"""Plans on the page: listed, looked at, changed, switched on and off, run, deleted."""

from __future__ import annotations
