"""Setting destinations up on the page."""

from __future__ import annotations
