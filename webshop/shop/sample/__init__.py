"""Sample data: the same shop every time for the same seed."""

from __future__ import annotations
