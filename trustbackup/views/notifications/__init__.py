"""Notifications on the page: listed, looked at, set up, tested, switched on and off, deleted."""

from __future__ import annotations
